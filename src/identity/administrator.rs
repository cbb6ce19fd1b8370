//! The account of the server's first administrator.

/// Its user name.
pub const ADMINISTRATOR: &str = "sysadmin";

/// Its e-mail address, at a domain that never has a mailbox.
pub const ADMINISTRATOR_EMAIL: &str = "sysadmin@example.com";
