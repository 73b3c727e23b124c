//! Words with a fixed form: names, versions, addresses, quantities.
//!
//! Each is a type of its own, so that its form stands in one place and goes into the JSON Schema,
//! from where both the check and an editor's hint come. A value of these types has been checked
//! when it was read from a file by [`crate::config::typed::read`].

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::object::quantity::Quantity;

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident: $min:literal..=$max:literal, $pattern:literal, $must:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "minLength": $min,
                    "maxLength": $max,
                    "pattern": $pattern,
                    "patternErrorMessage": $must,
                })
            }
        }
    )*};
}

text! {
    /// The name of a profile, a layer or another entry of a map.
    Name: 1..=100, "^[a-zA-Z][a-zA-Z0-9_-]*$",
        "must start with a letter and go on with letters, digits, `_` and `-`";
    /// The name of a product; it becomes the value of a label.
    ProductName: 1..=63, "^[a-zA-Z]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$",
        "must start with a letter, go on with letters, digits, `_` and `-`, and end with a letter or digit";
    /// A version of three numbers.
    FormatVersion: 5..=32, r"^\d+\.\d+\.\d+$",
        "must be three numbers with dots between, such as 1.2.0";
    /// A semantic version (semver.org).
    Semver: 5..=128, r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
        "must be a semantic version such as 2.3.0";
    /// A host or domain name.
    DnsName: 1..=253, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "must be a DNS name: lower-case letters, digits, `-` and `.`, each part with a letter or digit first and last";
    /// A name that fits into one part of a DNS name: an environment, a namespace.
    DnsLabel: 1..=63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must be lower-case letters, digits and `-`, a letter or digit first and last";
    /// The name of an environment. It stands in names of namespaces and releases, so it is short.
    Environment: 1..=40, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must be lower-case letters, digits and `-`, a letter or digit first and last";
    /// The name of a bucket, as S3 and its kin allow it.
    BucketName: 3..=63, "^[a-z0-9][a-z0-9.-]*[a-z0-9]$",
        "must be lower-case letters, digits, `.` and `-`, a letter or digit first and last";
    /// A namespace inside a catalog, without the warehouse.
    CatalogNamespace: 1..=255, r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$",
        "must be letters, digits and `_`, with single dots between the parts";
    /// A URL with its scheme.
    Url: 1..=2048, r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$",
        "must be a URL such as http://host:4317";
    /// The ARN of an IAM role, of any AWS partition, with or without a path.
    RoleArn: 20..=2048, r"^arn:aws(-[a-z]+)*:iam::\d{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]+$",
        "must be the ARN of a role, such as arn:aws:iam::123456789012:role/name";
    /// The ARN of an AWS resource.
    Arn: 12..=2048, r"^arn:aws(-[a-z]+)*:[a-z0-9-]+:[a-z0-9-]*:(\d{12})?:\S+$",
        "must be an ARN, such as arn:aws:kms:eu-central-1:123456789012:key/id";
    /// The number of an AWS account.
    AccountId: 12..=12, r"^\d{12}$", "must be the account's twelve digits";
    /// A span of time in seconds, minutes or hours.
    Interval: 2..=10, r"^\d+[smh]$", "must be a number followed by s, m or h, such as 30s";
    /// A lowest TLS version.
    TlsVersion: 3..=3, r"^1\.[0-3]$", "must be a TLS version from 1.0 to 1.3, in quotes";
    /// A time zone of the IANA database.
    Timezone: 1..=64, "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
        "must be a time zone such as Europe/Berlin";
    /// A schedule of five or six fields, as cron has them.
    Cron: 9..=128, "^([0-9A-Za-z*,/#?-]+ +){4,5}[0-9A-Za-z*,/#?-]+$",
        "must be a cron schedule of five or six fields, such as \"0 2 * * *\"";
    /// A day.
    Day: 10..=10, r"^\d{4}-\d{2}-\d{2}$", "must be a day as YYYY-MM-DD, in quotes";
    /// A path to Python code: a module, or a function in one.
    PythonPath: 1..=255, "^[A-Za-z_][A-Za-z0-9_]*([.:][A-Za-z_][A-Za-z0-9_]*)*$",
        "must be a Python path such as package.module.function";
    /// The name of a Secret (a DNS name) or of an environment variable (capitals).
    SecretName: 1..=253, r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*|[A-Z][A-Z0-9_]*)$",
        "must be the name of a Kubernetes Secret (lower-case letters, digits, `-`, `.`) or of an environment variable (capitals, digits, `_`)";
    /// The name of a Kubernetes Secret.
    SecretObject: 1..=253, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "must be the name of a Kubernetes Secret: lower-case letters, digits, `-` and `.`";
    /// A key in the data of a Secret.
    SecretKey: 1..=253, "^[-._a-zA-Z0-9]+$",
        "must be a key of a Secret: letters, digits, `-`, `_` and `.`";
}

/// An amount of something in Kubernetes' notation: `250m`, `1.5Gi`, `2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "serde_json::Value", into = "String")]
pub struct Amount(String);

impl Amount {
    /// The amount as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The amount as a number; `None` when Kubernetes would refuse it.
    pub fn quantity(&self) -> Option<Quantity> {
        Quantity::parse(&self.0)
    }
}

impl From<&str> for Amount {
    fn from(text: &str) -> Amount {
        Amount(text.to_owned())
    }
}

impl From<serde_json::Value> for Amount {
    fn from(value: serde_json::Value) -> Amount {
        match value {
            serde_json::Value::String(text) => Amount(text),
            other => Amount(other.to_string()),
        }
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> String {
        amount.0
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "minimum": 0,
            "pattern": r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$",
            "patternErrorMessage": "must be a Kubernetes quantity such as 250m, 1.5 or 512Mi",
            "errorMessage": "must be a Kubernetes quantity such as 250m, 1.5 or 512Mi",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema;

    fn fits<T: JsonSchema>(value: &serde_json::Value) -> bool {
        schema::violations_of::<T>(value).unwrap().is_empty()
    }

    #[test]
    fn every_form_takes_what_is_real_and_refuses_the_rest() {
        fn table<T: JsonSchema>(good: &[&str], bad: &[&str]) {
            for text in good {
                assert!(fits::<T>(&(*text).into()), "{}: {text}", T::schema_name());
            }
            for text in bad {
                assert!(!fits::<T>(&(*text).into()), "{}: {text}", T::schema_name());
            }
        }
        table::<Name>(&["default", "A_b-1"], &["", "1a", "a b", "ä", "a/b"]);
        table::<ProductName>(&["a", "customer-analytics"], &["-a", "a-", &"a".repeat(64)]);
        table::<FormatVersion>(&["1.2.0"], &["1.2", "v1.2.0", "1.2.0-rc1"]);
        table::<Semver>(&["2.3.0", "1.0.0-rc.1+build"], &["2.3", "latest"]);
        table::<DnsName>(&["uat.corp.internal", "a"], &["A.b", "-a", "a..b", "a_b"]);
        table::<BucketName>(&["floe-uat.mart"], &["My_Bucket", "ab", "-abc"]);
        table::<CatalogNamespace>(&["finance.raw", "mart"], &[".a", "a.", "a..b", "a-b"]);
        table::<Url>(
            &["http://a:4317", "thrift://h"],
            &["a:4317", "http://", "http:// a"],
        );
        table::<RoleArn>(
            &[
                "arn:aws:iam::123456789012:role/a",
                "arn:aws-us-gov:iam::123456789012:role/path/to/a",
                "arn:aws-cn:iam::123456789012:role/a",
            ],
            &[
                "arn:aws:iam::12345678901:role/a",
                "arn:aws:iam::123456789012:user/a",
                "role",
            ],
        );
        table::<Interval>(&["15s", "2h"], &["15", "1d", "s"]);
        table::<TlsVersion>(&["1.2"], &["1.4", "1", "2.0"]);
        table::<Timezone>(
            &["UTC", "Europe/Berlin", "Etc/GMT+1"],
            &["", "Europe/", "a b"],
        );
        table::<Cron>(
            &["0 2 * * *", "*/15 * * * MON-FRI"],
            &["0 2 * *", "@daily", "a"],
        );
        table::<SecretName>(
            &["polaris-oauth", "my.secret", "POLARIS_CLIENT_ID"],
            &["abc-", "a_b", "Abc", "hunter2!", "ab/c"],
        );
    }

    #[test]
    fn amounts_are_kubernetes_own() {
        for good in ["250m", "0.5", "1.5Gi", "512M", "1e9", ".5", "1."] {
            assert!(fits::<Amount>(&good.into()), "{good}");
            assert!(Amount::from(good).quantity().is_some(), "{good}");
        }
        for bad in ["", "8GB", "1 Gi", "-1", "Mi", "1Gib"] {
            assert!(!fits::<Amount>(&bad.into()), "{bad}");
        }
        assert!(fits::<Amount>(&12.into()));
        assert!(!fits::<Amount>(&(-1).into()));
        assert_eq!(Amount::from(serde_json::json!(12)).as_str(), "12");
    }
}
