"""Lookalike: image search on object storage. Imports go down only:

    gateway                      the wire; alone in knowing the vendor's words (but increment.meta)
    jobs                         imports and exports of whole catalogues, and their workers
    usecases                     one verb a file; joins the rooms below
    contract | vision | index    a request; picture to feature; collections on object storage
    storage                      objects, secrets, queues and buckets; botocore lives here

errors, attributes, region, service and trace are words that every floor may use. wiring builds
the deployment; config holds its numbers.
"""

__version__ = "0.2.0"
