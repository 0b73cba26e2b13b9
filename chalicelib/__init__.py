"""Lookalike's deployment. Imports go down only:

    gateway                       the wire: the only room that knows the vendor's words (but for increment.meta)
    usecases                      one verb a file; joins the rooms below
    contract | vision | index     what a request is; from picture to feature; collections on object storage
    storage                       objects, secrets, queues and buckets; botocore lives here

errors, attributes, region, service and trace are the vocabulary that every floor may use. wiring builds the deployment, config holds numbers.
"""

__version__ = "0.1.0"
