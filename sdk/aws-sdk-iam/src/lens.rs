pub(crate) fn reflens_list_attached_role_policies_output_output_marker(
    input: &crate::operation::list_attached_role_policies::ListAttachedRolePoliciesOutput,
) -> ::std::option::Option<&::std::string::String> {
    let input = match &input.marker {
        ::std::option::Option::None => return ::std::option::Option::None,
        ::std::option::Option::Some(t) => t,
    };
    ::std::option::Option::Some(input)
}

pub(crate) fn reflens_list_instance_profiles_for_role_output_output_marker(
    input: &crate::operation::list_instance_profiles_for_role::ListInstanceProfilesForRoleOutput,
) -> ::std::option::Option<&::std::string::String> {
    let input = match &input.marker {
        ::std::option::Option::None => return ::std::option::Option::None,
        ::std::option::Option::Some(t) => t,
    };
    ::std::option::Option::Some(input)
}

pub(crate) fn reflens_list_role_policies_output_output_marker(
    input: &crate::operation::list_role_policies::ListRolePoliciesOutput,
) -> ::std::option::Option<&::std::string::String> {
    let input = match &input.marker {
        ::std::option::Option::None => return ::std::option::Option::None,
        ::std::option::Option::Some(t) => t,
    };
    ::std::option::Option::Some(input)
}

pub(crate) fn reflens_simulate_principal_policy_output_output_marker(
    input: &crate::operation::simulate_principal_policy::SimulatePrincipalPolicyOutput,
) -> ::std::option::Option<&::std::string::String> {
    let input = match &input.marker {
        ::std::option::Option::None => return ::std::option::Option::None,
        ::std::option::Option::Some(t) => t,
    };
    ::std::option::Option::Some(input)
}

pub(crate) fn lens_list_attached_role_policies_output_output_attached_policies(
    input: crate::operation::list_attached_role_policies::ListAttachedRolePoliciesOutput,
) -> ::std::option::Option<::std::vec::Vec<crate::types::AttachedPolicy>> {
    let input = input.attached_policies?;
    ::std::option::Option::Some(input)
}

pub(crate) fn lens_list_instance_profiles_for_role_output_output_instance_profiles(
    input: crate::operation::list_instance_profiles_for_role::ListInstanceProfilesForRoleOutput,
) -> ::std::option::Option<::std::vec::Vec<crate::types::InstanceProfile>> {
    let input = input.instance_profiles;
    ::std::option::Option::Some(input)
}

pub(crate) fn lens_list_role_policies_output_output_policy_names(
    input: crate::operation::list_role_policies::ListRolePoliciesOutput,
) -> ::std::option::Option<::std::vec::Vec<::std::string::String>> {
    let input = input.policy_names;
    ::std::option::Option::Some(input)
}

pub(crate) fn lens_simulate_principal_policy_output_output_evaluation_results(
    input: crate::operation::simulate_principal_policy::SimulatePrincipalPolicyOutput,
) -> ::std::option::Option<::std::vec::Vec<crate::types::EvaluationResult>> {
    let input = input.evaluation_results?;
    ::std::option::Option::Some(input)
}
