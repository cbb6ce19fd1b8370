//! Servers of Debian that a chat server talks to: a mailbox by IMAP (dovecot) and a directory by LDAP (slapd). Here is
//! how they are configured; who starts them knows where they run. Their certificate is `chain.pem` with `key.pem` in
//! the given directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Configures dovecot (`dovecot -F -c FILE`) for the mailbox of `operations`, whose messages are in the Maildir
/// `mail`; gives the file. What it does is in `dovecot.log`.
pub fn dovecot(directory: &Path, address: &str, port: u16, password: &str) -> PathBuf {
    let at = directory.display();
    for part in ["new", "tmp", "cur"] {
        std::fs::create_dir_all(directory.join("mail").join(part)).unwrap();
    }
    // It does not read mail as root.
    let id = |what: &str| {
        let output = Command::new("id").arg(what).output().unwrap().stdout;
        String::from_utf8(output).unwrap().trim().to_owned()
    };
    let (user, group) = match id("-un").as_str() {
        "root" => ("nobody".to_owned(), "nogroup".to_owned()),
        user => (user.to_owned(), id("-gn")),
    };
    let owner = format!("{user}:{group}");
    let mut own = Command::new("chown");
    own.args(["-R", &owner]).arg(directory.join("mail"));
    assert!(own.status().unwrap().success());
    let password = STANDARD.encode(password);
    let users = format!("operations:{{PLAIN.b64}}{password}::::::\n");
    std::fs::write(directory.join("users"), users).unwrap();
    let config = format!(
        "base_dir = {at}/run
state_dir = {at}/run
log_path = {at}/dovecot.log
protocols = imap
listen = {address}
ssl = required
ssl_cert = <{at}/chain.pem
ssl_key = <{at}/key.pem
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_location = maildir:{at}/mail
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {at}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={at}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
"
    );
    let file = directory.join("dovecot.conf");
    std::fs::write(&file, config).unwrap();
    file
}

/// Configures slapd (`slapd -d 0 -h URL -f FILE`) for the directory below `dc=corp,dc=internal`, which only
/// `cn=chat` may search; gives the file.
pub fn slapd(directory: &Path, password: &str) -> PathBuf {
    let at = directory.display();
    std::fs::create_dir(directory.join("people")).unwrap();
    let people = format!(
        "dn: dc=corp,dc=internal\nobjectClass: dcObject\nobjectClass: organization\no: Corp\ndc: corp\n\n\
         dn: ou=people,dc=corp,dc=internal\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: cn=chat,dc=corp,dc=internal\nobjectClass: organizationalRole\n\
         objectClass: simpleSecurityObject\ncn: chat\nuserPassword:: {}\n\n\
         dn: uid=ann,ou=people,dc=corp,dc=internal\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\nsn: Ann\n\
         mail: ann@corp.internal\n",
        STANDARD.encode(password)
    );
    std::fs::write(directory.join("people.ldif"), people).unwrap();
    let config = format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {at}/chain.pem
TLSCertificateKeyFile {at}/key.pem
database mdb
suffix \"dc=corp,dc=internal\"
directory {at}/people
access to attrs=userPassword by anonymous auth
access to * by users read
"
    );
    let file = directory.join("slapd.conf");
    std::fs::write(&file, config).unwrap();
    let mut fill = Command::new("/usr/sbin/slapadd");
    fill.arg("-f").arg(&file);
    fill.arg("-l").arg(directory.join("people.ldif"));
    let filled = fill.output().unwrap();
    assert!(filled.status.success(), "{filled:?}");
    file
}
