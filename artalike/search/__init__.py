"""What a person may ask of the collection, and how an answer goes on page by page. Keeps no state of anyone."""
