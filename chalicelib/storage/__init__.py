"""The ground: objects, secrets, queues and source buckets. The only floor that talks to AWS or to a
disk.
"""
