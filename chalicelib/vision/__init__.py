"""From picture bytes to category, subject and feature. The only room with Pillow and onnxruntime;
no store, no requests.
"""
