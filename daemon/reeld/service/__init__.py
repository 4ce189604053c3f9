"""The threads and processes of reeld. Only this folder starts them."""
