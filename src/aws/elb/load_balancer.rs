//! The application load balancer and its listener.
//!
//! Elastic Load Balancing has no client tokens: names are unique in a region, and a create
//! call with the same settings answers with what is there already. What has our name and
//! not our tag is left alone. A listener has no name; it is found by its tag.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, IpAddressType, LoadBalancerAttribute,
    LoadBalancerSchemeEnum, LoadBalancerTypeEnum, ProtocolEnum,
};

use crate::aws::Aws;
use crate::aws::elb::raw::{IDLE, status_of, subnet_ids};
use crate::aws::elb::tags::elb_tags;
use crate::aws::error::{CallContext, ErrorPolicy, refused};
use crate::aws::request::{dependency, dependency_ids, require_listed};
use crate::blueprint::kinds::{ApplicationLoadBalancer, BalancerListener};
use crate::blueprint::{Attributes, Kind};
use crate::engine::{CloudError, FailureClass, Observed, Request};
use crate::identity::names::Names;
use crate::spec::Scheme;

/// TLS 1.2 and 1.3 with forward secrecy, AWS's recommendation: "Security policies for your
/// Application Load Balancer".
const TLS: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

impl Aws {
    pub(in crate::aws) async fn create_load_balancer(
        &self,
        request: &Request<'_>,
        wanted: &ApplicationLoadBalancer,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:CreateLoadBalancer";
        let ApplicationLoadBalancer {
            scheme,
            subnets,
            group,
            idle_timeout,
        } = wanted;
        let name = Names::of(request.environment).load_balancer();
        let scheme = match scheme {
            Scheme::Public => LoadBalancerSchemeEnum::InternetFacing,
            Scheme::Internal => LoadBalancerSchemeEnum::Internal,
        };
        let created = self
            .elb
            .create_load_balancer()
            .name(&name)
            .r#type(LoadBalancerTypeEnum::Application)
            .ip_address_type(IpAddressType::Ipv4)
            .scheme(scheme)
            .set_subnets(Some(dependency_ids(request, operation, subnets)?))
            .security_groups(&dependency(request, operation, group)?.id)
            .set_tags(Some(elb_tags(request)))
            .send()
            .await
            .context(operation, request.address)
            .map_err(not_enabled)
            .ok_if_code(&["DuplicateLoadBalancerName"])
            .retry_if_not_found()?;
        let raw = self.raw_load_balancing(request.environment).await?;
        let ownership = raw.ownership(Kind::LoadBalancer);
        let found =
            self.resolve_creation(request, operation, &name, created.is_some(), ownership)?;
        // The rest follows once it is active.
        let settings = [("idle_timeout", (*idle_timeout).into())];
        self.changes.note(
            &found.id,
            Attributes::default(),
            settings.into_iter().collect(),
        );
        Ok(self.changes.apply_to(found))
    }

    /// Everything but the scheme, which never changes. Only what is active is sure to take it:
    /// Terraform's AWS provider waits for that, too.
    pub(in crate::aws) async fn complete_load_balancer(
        &self,
        request: &Request<'_>,
        arn: &str,
        wanted: &ApplicationLoadBalancer,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:ModifyLoadBalancerAttributes";
        let ApplicationLoadBalancer {
            subnets,
            group,
            idle_timeout,
            ..
        } = wanted;
        let raw = self.raw_load_balancing(request.environment).await?;
        let status = raw.balancer.as_ref().map_or("missing", status_of);
        if matches!(status, "missing" | "provisioning") {
            return Err(not_active(operation, arn, status));
        }
        if raw.idle.as_deref() != Some(idle_timeout.to_string().as_str()) {
            let idle = LoadBalancerAttribute::builder()
                .key(IDLE)
                .value(idle_timeout.to_string())
                .build();
            self.elb
                .modify_load_balancer_attributes()
                .load_balancer_arn(arn)
                .attributes(idle)
                .send()
                .await
                .context(operation, arn)
                .retry_if_not_found()?;
        }
        if let Some(balancer) = &raw.balancer {
            let mut wanted = dependency_ids(request, operation, subnets)?;
            let mut seen: Vec<String> = subnet_ids(balancer).map(str::to_owned).collect();
            wanted.sort();
            seen.sort();
            if wanted != seen {
                self.elb
                    .set_subnets()
                    .load_balancer_arn(arn)
                    .set_subnets(Some(wanted))
                    .send()
                    .await
                    .context("elasticloadbalancing:SetSubnets", arn)
                    .retry_if_not_found()?;
            }
            let group = &dependency(request, operation, group)?.id;
            if balancer.security_groups() != [group.as_str()] {
                self.elb
                    .set_security_groups()
                    .load_balancer_arn(arn)
                    .security_groups(group)
                    .send()
                    .await
                    .context("elasticloadbalancing:SetSecurityGroups", arn)
                    .retry_if_not_found()?;
            }
        }
        let found = self
            .load_balancing_of_kind(request.environment, Kind::LoadBalancer)
            .await?;
        require_listed(found, "elasticloadbalancing:DescribeLoadBalancers", arn)
    }

    /// Makes the listener, or brings the one that is there to what is desired.
    pub(in crate::aws) async fn set_listener(
        &self,
        request: &Request<'_>,
        wanted: &BalancerListener,
    ) -> Result<Observed, CloudError> {
        let operation = "elasticloadbalancing:CreateListener";
        let BalancerListener {
            load_balancer,
            target_group,
            port,
            certificate,
        } = wanted;
        let balancer = &dependency(request, operation, load_balancer)?.id;
        let forward = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn(&dependency(request, operation, target_group)?.id)
            .build();
        let (protocol, policy) = match certificate {
            Some(_) => (ProtocolEnum::Https, Some(TLS.to_owned())),
            None => (ProtocolEnum::Http, None),
        };
        let port = i32::from(*port);
        let certificates = certificate.as_ref().map(|arn| {
            let certificate = Certificate::builder().certificate_arn(arn).build();
            vec![certificate]
        });
        let existing = self
            .load_balancing_of_kind(request.environment, Kind::Listener)
            .await?;
        if let Some(listener) = existing.first() {
            self.elb
                .modify_listener()
                .listener_arn(&listener.id)
                .protocol(protocol)
                .port(port)
                .set_ssl_policy(policy)
                .set_certificates(certificates)
                .default_actions(forward)
                .send()
                .await
                .context("elasticloadbalancing:ModifyListener", &listener.id)
                .retry_if_not_found()?;
        } else {
            self.elb
                .create_listener()
                .load_balancer_arn(balancer)
                .protocol(protocol)
                .port(port)
                .set_ssl_policy(policy)
                .set_certificates(certificates)
                .default_actions(forward)
                .set_tags(Some(elb_tags(request)))
                .send()
                .await
                .context(operation, request.address)
                .retry_if_not_found()?;
        }
        let found = self
            .load_balancing_of_kind(request.environment, Kind::Listener)
            .await?;
        require_listed(found, operation, request.address.as_str())
    }

    pub(in crate::aws) async fn delete_listener(&self, arn: &str) -> Result<(), CloudError> {
        let answer = self.elb.delete_listener().listener_arn(arn).send().await;
        answer
            .context("elasticloadbalancing:DeleteListener", arn)
            .ok_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn delete_load_balancer(&self, arn: &str) -> Result<(), CloudError> {
        self.changes.forget(arn);
        let answer = self
            .elb
            .delete_load_balancer()
            .load_balancer_arn(arn)
            .send()
            .await;
        answer
            .context("elasticloadbalancing:DeleteLoadBalancer", arn)
            .ok_if_not_found()?;
        Ok(())
    }
}

fn not_active(operation: &str, arn: &str, status: &str) -> CloudError {
    CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            arn,
            "NotActive",
            format!("it is `{status}`, and AWS changes only what is active"),
        )
    }
}

/// New accounts may have to ask for load balancers.
fn not_enabled(mut error: CloudError) -> CloudError {
    if error.code == "OperationNotPermitted" {
        error.message = format!(
            "{}; open a case with AWS Support, or set `load_balancer: none` until they answer",
            error.message
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_account_is_told_what_to_do() {
        let error = |code: &str| {
            not_enabled(refused(
                "elasticloadbalancing:CreateLoadBalancer",
                "load-balancer",
                code,
                "This AWS account currently does not support creating load balancers",
            ))
        };
        let told = error("OperationNotPermitted").message;
        assert!(told.contains("AWS Support"), "{told}");
        assert!(
            !error("TooManyLoadBalancers")
                .message
                .contains("AWS Support")
        );
    }
}
