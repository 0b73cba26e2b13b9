"""What can be asked, one declaration an action, one file a noun."""
