//! A local Order Desk for development, demonstrations and tests.
