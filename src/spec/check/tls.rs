//! TLS at the proxies: whether name and certificate are complete, and who may do without.

use std::path::PathBuf;

use super::{Around, Checker, Origin};
use crate::spec::shape::{EnvironmentFile, TlsShape};
use crate::spec::{
    BalancerKind, CertificateIssuer, CloudTarget, ProxyTls, Purpose, Scheme, TlsCertificate,
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
        let reachable = self.acme_reaches(file, certificate.as_ref(), host_name.as_deref());
        Some(Some(ProxyTls {
            host_name: host_name?,
            certificate: certificate.filter(|_| reachable)?,
        }))
    }

    fn tls_name(&mut self, shape: &TlsShape) -> Option<String> {
        // One that is missing has been reported.
        let name = shape.host_name.as_ref()?;
        match self.name_problem(&["tls", "host_name"], name) {
            None => Some(name.to_lowercase()),
            Some(problem) => {
                self.report(problem);
                None
            }
        }
    }

    fn tls_certificate(&mut self, shape: &TlsShape, origin: &Origin<'_>) -> Option<TlsCertificate> {
        if shape.acme.is_some() && shape.issuer != Some(CertificateIssuer::Acme) {
            let problem = self.key_place(&["tls", "acme"]).problem(
                "an account at an ACME server that is not asked",
                "expected `issuer: acme` beside it",
            );
            self.report(problem);
            return None;
        }
        match (&shape.issuer, &shape.certificate_file, &shape.key_file) {
            (Some(CertificateIssuer::Private), None, None) if shape.authority_file.is_none() => {
                Some(TlsCertificate::Private)
            }
            (Some(CertificateIssuer::Acme), None, None) => {
                let authority = self.authority_file(shape, origin)?;
                let acme = self.acme(shape.acme.as_ref(), authority)?;
                Some(TlsCertificate::Acme(acme))
            }
            (None, Some(certificate), Some(key)) => Some(TlsCertificate::Files {
                authority: self.authority_file(shape, origin)?,
                certificate: self.file(&["tls", "certificate_file"], certificate, origin)?,
                key: self.file(&["tls", "key_file"], key, origin)?,
            }),
            _ => {
                self.incomplete_tls(shape);
                None
            }
        }
    }

    /// The path of the authority; the outer `None` is a problem.
    fn authority_file(&mut self, shape: &TlsShape, origin: &Origin<'_>) -> Option<Option<PathBuf>> {
        match &shape.authority_file {
            Some(path) => self
                .file(&["tls", "authority_file"], path, origin)
                .map(Some),
            None => Some(None),
        }
    }

    /// Says which part of a certificate is missing, or too much.
    fn incomplete_tls(&mut self, shape: &TlsShape) {
        let files =
            "expected `certificate_file` and `key_file`, or `issuer: private`, or `issuer: acme`";
        let at = |key| self.key_place(&["tls", key]);
        let problem = match (&shape.issuer, &shape.certificate_file, &shape.key_file) {
            (None, Some(_), None) => at("certificate_file")
                .problem(
                    "`certificate_file` without its private key",
                    "expected `key_file` beside it",
                )
                .hint("the key is the file that the certificate was requested with"),
            (None, None, Some(_)) => at("key_file")
                .problem(
                    "`key_file` without its certificate",
                    "expected `certificate_file` beside it",
                )
                .hint("the certificate is followed by those between it and its authority, PEM"),
            (None, ..) => self
                .key_place(&["tls"])
                .problem("TLS without a certificate", files),
            (Some(_), None, None) => at("authority_file").problem(
                "an authority of yours beside `issuer: private`, which is one of its own",
                "expected `authority_file` beside `certificate_file`, or nothing",
            ),
            (Some(_), certificate, _) => {
                let key = match certificate {
                    Some(_) => "certificate_file",
                    None => "key_file",
                };
                at(key).problem("a certificate of yours beside `issuer`", files)
            }
        };
        self.report(problem);
    }

    /// Passwords of people do not cross the internet in plain text.
    fn plain_http(&mut self, file: &EnvironmentFile) {
        // The local cloud's addresses are this machine's own.
        if file.purpose != Some(Purpose::GoldStandard) || file.cloud == Some(CloudTarget::Local) {
            return;
        }
        let (is_public, expected, hint) = match file.load_balancer.unwrap_or_default() {
            // Not `access.address`, which is about operators' SSH.
            BalancerKind::Nginx => (
                Around::of(file).public_subnets,
                "expected `tls: {host_name: …, issuer: private}`, or a certificate of yours",
                "proxies have public addresses with every `access.address` and `network.layout`; \
                 only `network.existing` without `public_subnets` leaves them without",
            ),
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
