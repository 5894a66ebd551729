"""Messages in, predictions out; knows nothing of Flask or HTTP."""
