//! All roles in one program: composition and the command line.
