//! TLS at the proxies: whether name and certificate are complete, and who may do without.

use super::{Checker, Origin};
use crate::spec::check::balancer::is_host_name;
use crate::spec::shape::{EnvironmentFile, TlsShape};
use crate::spec::{
    AddressKind, BalancerKind, CertificateIssuer, ProxyTls, Purpose, Scheme, TlsCertificate,
};

impl Checker<'_> {
    /// The settings of TLS; the outer `None` is a problem, the inner one no TLS.
    pub(super) fn tls(
        &mut self,
        file: &EnvironmentFile,
        origin: &Origin<'_>,
    ) -> Option<Option<ProxyTls>> {
        let Some(shape) = &file.tls else {
            self.plain_http(file);
            return Some(None);
        };
        if file.load_balancer == Some(BalancerKind::Alb) {
            let problem = self.key_place(&["tls"]).problem(
                "`tls` without proxies",
                "expected `alb.certificate_arn`, or `load_balancer: nginx`",
            );
            self.report(problem.hint("the load balancer has its own certificate"));
            return None;
        }
        let host_name = self.tls_name(shape);
        let certificate = self.tls_certificate(shape, origin);
        Some(Some(ProxyTls {
            host_name: host_name?,
            certificate: certificate?,
        }))
    }

    fn tls_name(&mut self, shape: &TlsShape) -> Option<String> {
        // One that is missing has been reported.
        let name = shape.host_name.as_ref()?;
        if is_host_name(name) {
            return Some(name.to_lowercase());
        }
        let problem = self.place(&["tls", "host_name"]).problem(
            format!("`{name}` is not a host name"),
            "expected something like `chat.example.com`",
        );
        self.report(problem);
        None
    }

    fn tls_certificate(&mut self, shape: &TlsShape, origin: &Origin<'_>) -> Option<TlsCertificate> {
        let (certificate, key) = match (&shape.issuer, &shape.certificate_file, &shape.key_file) {
            (Some(CertificateIssuer::Private), None, None) if shape.authority_file.is_none() => {
                return Some(TlsCertificate::Private);
            }
            (None, Some(certificate), Some(key)) => (certificate, key),
            _ => {
                let problem = self.key_place(&["tls"]).problem(
                    "TLS without a certificate, or with two",
                    "expected `certificate_file` and `key_file`, or `issuer: private`",
                );
                self.report(problem);
                return None;
            }
        };
        let authority = match &shape.authority_file {
            Some(path) => Some(self.file(&["tls", "authority_file"], path, origin)?),
            None => None,
        };
        Some(TlsCertificate::Files {
            certificate: self.file(&["tls", "certificate_file"], certificate, origin)?,
            key: self.file(&["tls", "key_file"], key, origin)?,
            authority,
        })
    }

    /// Passwords of people do not cross the internet in plain text.
    fn plain_http(&mut self, file: &EnvironmentFile) {
        if file.purpose != Some(Purpose::GoldStandard) {
            return;
        }
        let (is_public, expected, hint) = match file.load_balancer.unwrap_or_default() {
            BalancerKind::Nginx => {
                let access = file.access.as_ref().and_then(|access| access.address);
                (
                    access.unwrap_or_default() == AddressKind::Public,
                    "expected `tls: {host_name: …, issuer: private}`, or a certificate of yours",
                    "`access: {address: private}` is for deployments that are reached over a VPN",
                )
            }
            BalancerKind::Alb => {
                let alb = file.alb.clone().unwrap_or_default();
                (
                    alb.scheme.unwrap_or_default() == Scheme::Public
                        && alb.certificate_arn.is_none(),
                    "expected `alb: {certificate_arn: …, host_name: …}`",
                    "`alb: {scheme: internal}` is for deployments that are reached over a VPN",
                )
            }
        };
        if is_public {
            let problem = self.key_place(&["purpose"]).problem(
                "a deployment that people rely on, over plain HTTP at public addresses",
                expected,
            );
            self.report(problem.hint(hint));
        }
    }
}
