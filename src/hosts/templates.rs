//! The templates, built into the program.
//!
//! A name that a template uses and nobody fills in is an error, not an empty string.

use tera::{Context, Kwargs, State, Tera, Value};

use super::bundle_error::BundleError;

/// Name and text of every file of `templates/` that is filled in.
const TEMPLATES: [(&str, &str); 3] = [
    (
        "app/search-relay.conf",
        include_str!("../../templates/app/search-relay.conf"),
    ),
    (
        "proxy/mattermost.conf",
        include_str!("../../templates/proxy/mattermost.conf"),
    ),
    (
        "metrics/prometheus.yml",
        include_str!("../../templates/metrics/prometheus.yml"),
    ),
];

/// The templates, ready to be filled in.
pub(super) struct Templates(Tera);

impl Templates {
    pub(super) fn new() -> Result<Self, BundleError> {
        let mut tera = Tera::new();
        // None of them is HTML; what needs quoting asks for it by the `json` filter.
        tera.autoescape_on(Vec::<&'static str>::new());
        tera.register_filter("json", json);
        tera.add_raw_templates(TEMPLATES)
            .map_err(|source| BundleError::Template {
                template: "templates/".to_owned(),
                source,
            })?;
        Ok(Self(tera))
    }

    pub(super) fn render(&self, template: &str, context: &Context) -> Result<String, BundleError> {
        self.0
            .render(template, context)
            .map_err(|source| BundleError::Template {
                template: template.to_owned(),
                source,
            })
    }
}

/// A value as JSON, which is also a scalar of YAML.
fn json(value: &Value, _: Kwargs, _: &State) -> Result<String, tera::Error> {
    serde_json::to_string(value).map_err(tera::Error::message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_template_value_is_an_error() {
        let templates = Templates::new().unwrap();
        let error = templates
            .render("proxy/mattermost.conf", &Context::new())
            .unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("apps"), "{text}");
    }

    #[test]
    fn json_values_are_escaped() {
        let value = Value::from("a\"b\\c\n");
        let mut tera = Tera::new();
        tera.register_filter("json", json);
        tera.autoescape_on(Vec::<&'static str>::new());
        tera.add_raw_template("t", "{{ v | json }}").unwrap();
        let mut context = Context::new();
        context.insert("v", &value);
        assert_eq!(tera.render("t", &context).unwrap(), r#""a\"b\\c\n""#);
    }
}
