"""What turns the repository into a deployment: package, template, size, deploy. Never shipped."""
