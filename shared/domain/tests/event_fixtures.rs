//! Every event ever written must still load: one stored document of each type and version, kept for ever.

use std::path::Path;

use domain::event::Event;
use serde_json::Value;

fn fixture(type_name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/events")
        .join(format!("{type_name}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_event_type_has_a_fixture_that_loads_and_is_written_back_the_same() {
    for type_name in Event::TYPES {
        let text = fixture(type_name);
        let event = Event::decode(type_name, &text).unwrap_or_else(|error| panic!("{type_name}: {error:?}"));
        assert_eq!(event.type_name(), *type_name);
        let stored: Value = serde_json::from_str(&text).unwrap();
        let written: Value = serde_json::from_str(&event.to_data()).unwrap();
        assert_eq!(written, stored, "{type_name}");
    }
}

#[test]
fn every_fixture_is_of_a_type_that_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let type_name = name.strip_suffix(".json").unwrap();
        assert!(
            Event::TYPES.contains(&type_name),
            "{name}: fixtures are never removed, nor are readers"
        );
    }
}

#[test]
fn an_unknown_type_and_wrong_data_are_told_apart() {
    assert!(matches!(
        Event::decode("job.submitted.v9", "{}"),
        Err(domain::event::DecodeError::UnknownType(_))
    ));
    assert!(matches!(
        Event::decode("job.requeued.v1", "{}"),
        Err(domain::event::DecodeError::Data { .. })
    ));
}
