//! One layer laid over another, key by key, with the origin of each in the messages.

use std::path::Path;

use toml::{Table, Value};

use super::{Config, Error};

/// What begins the name of a variable of ours.
const PREFIX: &str = "QUITTANCE__";

/// The defaults with the layers so far over them. The default of a key is also its type.
pub(super) struct Layers {
    known: Table,
    table: Table,
}

impl Layers {
    pub(super) fn new() -> Layers {
        let known = table(&Config::default());
        Layers { table: known.clone(), known }
    }

    /// A TOML file.
    pub(super) fn file(&mut self, path: &Path) -> Result<(), Error> {
        let failed = |cause: String| Error::File { path: path.to_path_buf(), cause };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let file: Table = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let origin = path.display().to_string();
        for (section, keys) in file {
            self.section(&origin, &section)?;
            let Value::Table(keys) = keys else {
                let reason = format!("expected a section: [{section}]");
                return Err(Error::Value { origin, key: section, value: keys.to_string(), reason });
            };
            for (key, value) in keys {
                let default = self.default(&origin, &format!("{section}.{key}"))?;
                if default.type_str() != value.type_str() {
                    let reason = format!("expected {}, such as {default}", describe(&default));
                    return Err(Error::Value {
                        origin,
                        key: format!("{section}.{key}"),
                        value: value.to_string(),
                        reason,
                    });
                }
                self.set(&section, &key, value);
            }
        }
        Ok(())
    }

    /// A variable of the environment, if it is one of ours.
    pub(super) fn variable(&mut self, name: &str, value: &str) -> Result<(), Error> {
        match name.strip_prefix(PREFIX) {
            Some(key) => self.text(&format!("variable {name}"), &key.to_lowercase().replace("__", "."), value),
            None => Ok(()),
        }
    }

    /// A text for a dotted key, read as the type that the key has.
    pub(super) fn text(&mut self, origin: &str, key: &str, text: &str) -> Result<(), Error> {
        let default = self.default(origin, key)?;
        let parsed = match &default {
            Value::Integer(_) => text.parse().ok().map(Value::Integer),
            Value::Float(_) => text.parse().ok().map(Value::Float),
            Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
            Value::Array(_) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(Value::Array(parts.map(|part| Value::String(part.to_owned())).collect()))
            }
            _ => Some(Value::String(text.to_owned())),
        };
        let value = parsed.ok_or_else(|| Error::Value {
            origin: origin.to_owned(),
            key: key.to_owned(),
            value: text.to_owned(),
            reason: format!("expected {}, such as {default}", describe(&default)),
        })?;
        if let Some((section, key)) = key.split_once('.') {
            self.set(section, key, value);
        }
        Ok(())
    }

    /// The configuration; a number may still be too large for its key.
    pub(super) fn finish(self) -> Result<Config, Error> {
        Value::Table(self.table).try_into().map_err(|error: toml::de::Error| Error::Value {
            origin: "configuration".to_owned(),
            key: "a number".to_owned(),
            value: "out of range".to_owned(),
            reason: error.to_string(),
        })
    }

    fn set(&mut self, section: &str, key: &str, value: Value) {
        if let Some(Value::Table(keys)) = self.table.get_mut(section) {
            keys.insert(key.to_owned(), value);
        }
    }

    /// The default of a dotted key; an error that lists what there is when there is no such key.
    fn default(&self, origin: &str, dotted: &str) -> Result<Value, Error> {
        let (section, key) = dotted.split_once('.').unwrap_or((dotted, ""));
        let keys = self.section(origin, section)?;
        keys.get(key).cloned().ok_or_else(|| Error::UnknownKey {
            origin: origin.to_owned(),
            key: dotted.to_owned(),
            hint: format!("[{section}] has {}", list(keys)),
        })
    }

    fn section(&self, origin: &str, section: &str) -> Result<&Table, Error> {
        match self.known.get(section) {
            Some(Value::Table(keys)) => Ok(keys),
            _ => Err(Error::UnknownKey {
                origin: origin.to_owned(),
                key: section.to_owned(),
                hint: format!("the sections are {}", list(&self.known)),
            }),
        }
    }
}

/// A configuration as TOML has it.
pub(super) fn table(config: &Config) -> Table {
    // Fails only for what TOML cannot hold; every key is a number, text, truth or list of texts.
    Table::try_from(config).unwrap_or_default()
}

fn list(table: &Table) -> String {
    table.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a point",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        _ => "a text",
    }
}
