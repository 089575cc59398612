//! The order of the sources, and every setting by its variable.

use std::cell::RefCell;
use std::io::Write as _;

use serde::Deserialize as _;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, Visitor, value,
};

use super::*;

fn variable(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

#[test]
fn flags_stand_over_environment_over_file_over_defaults() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(
        file,
        "listen = \"127.0.0.1:1\"\n[limits]\nqueue_requests_max = 7\nbatch_requests_max = 8"
    )
    .unwrap();
    let environment = [
        variable("LEDGERD_LISTEN", "127.0.0.1:2"),
        variable("LEDGERD_LIMITS__QUEUE_REQUESTS_MAX", "9"),
        variable("LEDGERD_DATA_DIR", "12345"),
        variable("LEDGERD_ARCHIVE__DIRECTORY", "678"),
        variable("LEDGERD_ARCHIVE__SEGMENT_BYTES_MAX", "4096"),
        variable("LEDGERD_ARCHIVE__ENABLED", "true"),
    ];
    let flags = nested(&["listen"], Value::String("127.0.0.1:3".to_owned()));
    let config = load(Some(file.path()), &environment, flags).unwrap();
    assert_eq!(config.listen, "127.0.0.1:3");
    assert_eq!(config.limits.queue_requests_max, 9);
    assert_eq!(config.limits.batch_requests_max, 8);
    assert_eq!(config.limits.batch_bytes_max, Config::default().limits.batch_bytes_max);
    assert_eq!(config.data_dir, Some(PathBuf::from("12345")));
    assert_eq!(config.archive.directory, Some(PathBuf::from("678")));
    assert_eq!(config.archive.segment_bytes_max, 4096);
}

#[test]
fn unknown_keys_and_wrong_kinds_are_refused() {
    for (name, text) in [
        ("LEDGERD_SURPRISE", "1"),
        ("LEDGERD_LIMITS__SURPRISE", "1"),
        ("LEDGERD_LIMITS__QUEUE_REQUESTS_MAX", "many"),
        ("LEDGERD_LIMITS__QUEUE_REQUESTS_MAX", "-1"),
        ("LEDGERD_LOG__FORMAT", "xml"),
    ] {
        let loaded = load(None, &[variable(name, text)], Table::new());
        assert!(matches!(loaded, Err(SourceError::Invalid(_))), "{name}={text}: {loaded:?}");
    }
}

#[test]
fn a_variable_that_another_source_takes_the_place_of_is_refused_by_name() {
    let flag = |path: &[&str]| nested(path, Value::String("/data".to_owned()));
    let refused = |variables: &[(String, String)], flags| match load(None, variables, flags) {
        Err(SourceError::NoSetting { name }) => name,
        other => panic!("{other:?}"),
    };
    let inside = [variable("LEDGERD_DATA_DIR__X", "1")];
    assert_eq!(refused(&inside, flag(&["data_dir"])), "LEDGERD_DATA_DIR__X");
    let section = [variable("LEDGERD_ARCHIVE", "1")];
    assert_eq!(refused(&section, flag(&["archive", "directory"])), "LEDGERD_ARCHIVE");
    let both = [variable("LEDGERD_DATA_DIR__X", "1"), variable("LEDGERD_DATA_DIR", "/other")];
    assert_eq!(refused(&both, Table::new()), "LEDGERD_DATA_DIR__X");
    // A flag over a variable of the same setting stands.
    let same = [variable("LEDGERD_DATA_DIR", "/other")];
    let config = load(None, &same, flag(&["data_dir"])).unwrap();
    assert_eq!(config.data_dir, Some(PathBuf::from("/data")));
}

#[test]
fn a_variable_that_is_not_utf_8_is_refused_by_name() {
    use std::os::unix::ffi::OsStringExt as _;
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    for (name, value, shown) in [
        (&b"LEDGERD_DATA_DIR"[..], &b"/data/\xff"[..], "LEDGERD_DATA_DIR"),
        (b"LEDGERD_\xff", b"1", "LEDGERD_\u{fffd}"),
    ] {
        match meant([(text(name), text(value))].into_iter()) {
            Err(SourceError::NotUtf8 { name }) => assert_eq!(name, shown),
            other => panic!("{other:?}"),
        }
    }
    // What is not meant for the ledger is not its to refuse.
    let other = [(text(b"HOME"), text(b"\xff")), (text(b"LEDGERD_LISTEN"), text(b"x"))];
    let read = meant(other.into_iter()).unwrap();
    assert_eq!(read, [variable("LEDGERD_LISTEN", "x")]);
}

/// What the type of a setting says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Truth,
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Of the file alone.
    List,
}

/// Asks the types of the configuration for every setting that there is. Stands where a value of a
/// setting would, gives one that is taken, and writes down what was asked for.
struct Probe<'a> {
    path: Vec<&'static str>,
    found: &'a RefCell<Vec<(Vec<&'static str>, Kind)>>,
}

impl Probe<'_> {
    fn note(&self, kind: Kind) {
        self.found.borrow_mut().push((self.path.clone(), kind));
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.note(Kind::Number);
            visitor.$visit(1)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = value::Error;

    numbers!(
        deserialize_u8 visit_u8, deserialize_u16 visit_u16, deserialize_u32 visit_u32,
        deserialize_u64 visit_u64, deserialize_i8 visit_i8, deserialize_i16 visit_i16,
        deserialize_i32 visit_i32, deserialize_i64 visit_i64
    );

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.note(Kind::Truth);
        visitor.visit_bool(true)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.note(Kind::Text);
        visitor.visit_str("x")
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.note(Kind::List);
        visitor.visit_seq(value::SeqDeserializer::<_, Self::Error>::new(std::iter::empty::<u8>()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.note(Kind::Word(variants));
        visitor.visit_enum(variants[0].into_deserializer())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_map(Fields { of: self, left: fields })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(value::Error::custom(format!("{:?} is of a kind that this does not know", self.path)))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct map
        identifier ignored_any
    }
}

struct Fields<'a> {
    of: Probe<'a>,
    left: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = value::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Self::Error> {
        let Some(field) = self.left.first() else { return Ok(None) };
        seed.deserialize((*field).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Self::Error> {
        let (field, left) = self.left.split_first().unwrap();
        self.left = left;
        let path = [self.of.path.clone(), vec![*field]].concat();
        seed.deserialize(Probe { path, found: self.of.found })
    }
}

#[test]
fn every_number_truth_and_text_can_be_set_by_its_variable() {
    let found = RefCell::default();
    Config::deserialize(Probe { path: Vec::new(), found: &found }).unwrap();
    let found = found.into_inner();
    let of = |kind| found.iter().filter(|(_, found)| *found == kind).count();
    assert!(of(Kind::Number) > 30 && of(Kind::Truth) > 2 && of(Kind::Text) > 8, "{found:?}");
    assert!(found.contains(&(vec!["archive", "sync_delay_ms_max"], Kind::Number)), "{found:?}");
    for (path, kind) in &found {
        let name = format!("{ENVIRONMENT_PREFIX}{}", path.join("__").to_uppercase());
        // Two that differ: what is read is seen to be what was set. A text may look like anything.
        let pairs: &[[&str; 2]] = match kind {
            Kind::Number => &[["1", "2"]],
            Kind::Truth => &[["true", "false"]],
            Kind::Text => &[["7", "true"], ["/one", "/two"]],
            Kind::Word(words) => &[[words[0], words[1]]],
            Kind::List => continue,
        };
        for [one, other] in pairs {
            let read = |text: &str| load(None, &[variable(&name, text)], Table::new());
            let (one, other) = (read(one).unwrap(), read(other).unwrap());
            assert_ne!(one, other, "{name}");
        }
        if *kind != Kind::Text {
            let loaded = load(None, &[variable(&name, "many")], Table::new());
            assert!(loaded.is_err(), "{name}");
        }
    }
}
