pub(crate) fn reflens_list_instance_type_details_output_output_next_token(
    input: &crate::operation::list_instance_type_details::ListInstanceTypeDetailsOutput,
) -> ::std::option::Option<&::std::string::String> {
    let input = match &input.next_token {
        ::std::option::Option::None => return ::std::option::Option::None,
        ::std::option::Option::Some(t) => t,
    };
    ::std::option::Option::Some(input)
}
