//! The in-memory cloud makes hosts and their identity, call by call as in `src/aws`.

use loadrig::blueprint::{Address, Desired, Kind, kinds};
use loadrig::engine::{CloudError, FailureClass, Request};
use loadrig::identity::names::{Names, digest};
use secrecy::ExposeSecret;

use super::ec2::Launch;
use super::judge::{
    Judge, Seen, address_of, at, found_or, needed, observed, tags, visible, wanted,
};
use super::memory::Memory;
use super::wire::foreign;

impl Memory {
    pub(super) async fn create_seed(&self, request: &Request<'_>) -> Seen {
        let name = Names::of(request.environment).seed();
        let seed = request.secrets.seed.as_ref().expect("a seed");
        let (tags, named, value) = (tags(request), name.clone(), seed.expose_secret().to_owned());
        let created = self
            .wire
            .call("ssm:PutParameter", &name, move |a| {
                a.put_parameter(tags, &named, &value)
            })
            .await
            .or_done(&["ParameterAlreadyExists"])?;
        let found = self.seed_parameter(request.environment).await?;
        found_or(found, created.is_some(), "ssm:PutParameter", &name)
    }

    pub(super) async fn create_key_pair(&self, request: &Request<'_>) -> Seen {
        let name = Names::of(request.environment).key_pair();
        let (tags, named) = (tags(request), name.clone());
        self.wire
            .call("ec2:ImportKeyPair", &name, move |a| {
                a.import_key(tags, &named)
            })
            .await
            .or_done(&["InvalidKeyPair.Duplicate"])?;
        let named = name.clone();
        let found = self
            .wire
            .call("ec2:DescribeKeyPairs", &name, move |a| {
                Ok(a.listed("key-pair").find(|t| t.id == named).cloned())
            })
            .await?;
        match found {
            Some(pair) => match address_of(&pair.tags, request.environment) {
                Some(address) => Ok(observed(&address, Kind::KeyPair, &name, &[])),
                None => Err(foreign("ec2:ImportKeyPair", &name)),
            },
            None => visible(vec![], &name),
        }
    }

    pub(super) async fn create_role(&self, request: &Request<'_>, bucket: &Address) -> Seen {
        needed(request, bucket)?;
        let name = Names::of(request.environment).role("us-east-1");
        let (tags, named) = (tags(request), name.clone());
        self.wire
            .call("iam:CreateRole", &name, move |a| {
                a.create_role(tags, &named)
            })
            .await
            .or_done(&["EntityAlreadyExists"])?;
        match self.get_role(&name).await? {
            None => return visible(vec![], &name),
            Some(role) if address_of(&role.tags, request.environment).is_none() => {
                return Err(foreign("iam:CreateRole", &name));
            }
            Some(_) => {}
        }
        self.complete_role(request).await
    }

    pub(super) async fn complete_role(&self, request: &Request<'_>) -> Seen {
        let name = Names::of(request.environment).role("us-east-1");
        self.who().await?;
        let role = name.clone();
        self.wire
            .call("iam:PutRolePolicy", &name, move |a| {
                a.put_policy(&role, Address::bucket().as_str())
            })
            .await
            .or_soon()?;
        let found = self.role(request.environment).await?;
        visible(found.into_iter().collect(), &name)
    }

    pub(super) async fn create_instance_profile(&self, request: &Request<'_>) -> Seen {
        let name = Names::of(request.environment).instance_profile("us-east-1");
        let (tags, named) = (tags(request), name.clone());
        self.wire
            .call("iam:CreateInstanceProfile", &name, move |a| {
                a.create_profile(tags, &named)
            })
            .await
            .or_done(&["EntityAlreadyExists"])?;
        match self.get_profile(&name).await? {
            None => return visible(vec![], &name),
            Some(profile) if address_of(&profile.tags, request.environment).is_none() => {
                return Err(foreign("iam:CreateInstanceProfile", &name));
            }
            Some(_) => {}
        }
        self.complete_instance_profile(request).await
    }

    pub(super) async fn complete_instance_profile(&self, request: &Request<'_>) -> Seen {
        let names = Names::of(request.environment);
        let (profile, role) = (names.instance_profile("us-east-1"), names.role("us-east-1"));
        let holds = self.get_profile(&profile).await?;
        if let Some(other) = holds.map(|held| held.attr("role").to_owned())
            && !other.is_empty()
            && other != role
        {
            self.detach(&profile, &other).await?;
        }
        let (p, r) = (profile.clone(), role.clone());
        self.wire
            .call("iam:AddRoleToInstanceProfile", &profile, move |a| {
                a.add_role(&p, &r)
            })
            .await
            .or_done(&["LimitExceeded"])
            .or_soon()?;
        let found = self.profile(request.environment).await?;
        visible(found.into_iter().collect(), &profile)
    }

    pub(super) async fn detach(&self, profile: &str, role: &str) -> Result<(), CloudError> {
        let (p, r) = (profile.to_owned(), role.to_owned());
        self.wire
            .call("iam:RemoveRoleFromInstanceProfile", profile, move |a| {
                a.remove_role(&p, &r)
            })
            .await
            .or_gone()?;
        Ok(())
    }

    pub(super) async fn create_bucket(&self, request: &Request<'_>) -> Seen {
        let name = self.bucket_name(request.environment).await?;
        let (tags, named) = (tags(request), name.clone());
        self.wire
            .call("s3:CreateBucket", &name, move |a| {
                a.create_bucket(tags, &named)
            })
            .await
            .or_done(&["BucketAlreadyOwnedByYou"])?;
        self.complete_bucket(request, &name).await
    }

    pub(super) async fn complete_bucket(&self, request: &Request<'_>, name: &str) -> Seen {
        if let Some(theirs) = self.bucket_tags(name).await? {
            if theirs.is_empty() {
                let (named, tags) = (name.to_owned(), tags(request));
                self.wire
                    .call("s3:PutBucketTagging", name, move |a| {
                        a.tag_bucket(&named, tags)
                    })
                    .await
                    .or_soon()?;
            } else if address_of(&theirs, request.environment).is_none() {
                return Err(foreign("s3:CreateBucket", name));
            }
        }
        let Desired::Bucket(kinds::FilesBucket { versioning, .. }) = request.desired else {
            unreachable!("a bucket");
        };
        for (operation, key, value) in [
            ("s3:PutBucketPublicAccessBlock", "public_access", "blocked"),
            ("s3:PutEncryptionConfiguration", "encryption", "AES256"),
            (
                "s3:PutLifecycleConfiguration",
                "unfinished_uploads",
                "removed",
            ),
        ] {
            let named = name.to_owned();
            self.wire
                .call(operation, name, move |a| a.set_bucket(&named, key, value))
                .await
                .or_soon()?;
        }
        let (named, versioning) = (name.to_owned(), versioning.to_string());
        self.wire
            .call("s3:PutBucketVersioning", name, move |a| {
                a.set_bucket(&named, "versioning", &versioning)
            })
            .await
            .or_soon()?;
        let found = self.bucket(request.environment).await?;
        visible(found.into_iter().collect(), name)
    }

    pub(super) async fn create_instance(&self, request: &Request<'_>) -> Seen {
        let Desired::Instance(kinds::Instance {
            instance_type,
            disk_gib,
            subnet,
            group,
            key_pair,
            profile,
            ..
        }) = request.desired
        else {
            unreachable!("an instance");
        };
        let vpc = needed(request, &Address::vpc())?.id.clone();
        for attempt in 0..8_u32 {
            let attempt = attempt.to_string();
            let mut parts = vec![
                request.environment,
                request.address.as_str(),
                &vpc,
                &attempt,
            ];
            parts.extend(request.predecessors.iter().map(String::as_str));
            self.image
                .get_or_try_init(|| self.wire.call("ec2:DescribeImages", "", |_| Ok(())))
                .await?;
            let launch = Launch {
                token: digest(&parts),
                instance_type: instance_type.clone(),
                disk: disk_gib.to_string(),
                attrs: wanted(request),
                subnet: needed(request, subnet)?.id.clone(),
                group: needed(request, group)?.id.clone(),
                key: needed(request, key_pair)?.id.clone(),
                profile: needed(request, profile)?.id.clone(),
                tags: tags(request),
            };
            let ran = self
                .wire
                .call("ec2:RunInstances", request.address.as_str(), move |a| {
                    let thing = a.run_instance(&launch)?;
                    Ok((thing, a.now))
                })
                .await
                .map_err(profile_may_follow)
                .or_soon();
            match ran {
                Err(error) if error.code == "IdempotentParameterMismatch" => {
                    let live = self.instances(request.environment, at(request)).await?;
                    return live
                        .into_iter()
                        .find(|found| !found.state.is_leaving())
                        .ok_or(CloudError {
                            class: FailureClass::Converging,
                            ..error
                        });
                }
                Err(error) => return Err(error),
                Ok((thing, now)) => {
                    let found = super::looks::instance(&thing, now, None, request.environment)
                        .expect("a tagged instance");
                    if !found.state.is_leaving() {
                        return Ok(found);
                    }
                }
            }
        }
        panic!("eight tokens are used up");
    }
}

fn profile_may_follow(mut error: CloudError) -> CloudError {
    if error.code == "InvalidParameterValue"
        && error.message.contains("Invalid IAM Instance Profile")
    {
        error.class = FailureClass::Converging;
    }
    error
}
