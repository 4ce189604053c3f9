"""The child `reeld.identify.child`, which also tries what it is told; see `trying_child.py`."""

from unittest import mock

from reeld.identify import child
from tests.service.trying_child import serve_and_try

if __name__ == "__main__":
    with mock.patch("reeld.identify.child.serve", serve_and_try):
        child.main()
