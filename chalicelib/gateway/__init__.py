"""The wire. The only room that knows the vendor's field names, codes and HTTP statuses."""
