//! Commands and queries of the gateway, free of HTTP.
