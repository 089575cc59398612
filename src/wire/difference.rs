//! Names the first field in which two requests, or two events, differ.

use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage, Value};

use super::json::descriptor_pool;
use super::v1;
use prost::Name;

/// Path of the first field in which two requests differ, such as
/// `events[0].order_placed.amount.amount`. None when they are the same.
pub fn first_difference(
    left: &v1::AppendEventsRequest,
    right: &v1::AppendEventsRequest,
) -> Option<String> {
    between(left, right)
}

/// Path of the first field in which two events differ, such as `order_placed.amount.amount`. None
/// when they are the same.
pub fn first_different_field(left: &v1::Event, right: &v1::Event) -> Option<String> {
    between(left, right)
}

fn between<M: Name + PartialEq>(left: &M, right: &M) -> Option<String> {
    if left == right {
        return None;
    }
    let descriptor = descriptor_pool()
        .get_message_by_name(&M::full_name())
        .expect("every message of the interface is in the descriptors");
    let dynamic = |stated: &M| {
        let mut message = DynamicMessage::new(descriptor.clone());
        message.transcode_from(stated).expect("a message of the same descriptor fits");
        message
    };
    between_messages("", &dynamic(left), &dynamic(right))
}

fn between_messages(path: &str, left: &DynamicMessage, right: &DynamicMessage) -> Option<String> {
    left.descriptor().fields().find_map(|field| {
        let path = join(path, &field);
        match (left.has_field(&field), right.has_field(&field)) {
            (false, false) => None,
            (true, true) => {
                between_values(&path, &left.get_field(&field), &right.get_field(&field))
            }
            (true, false) | (false, true) => Some(path),
        }
    })
}

fn between_values(path: &str, left: &Value, right: &Value) -> Option<String> {
    if let (Some(left), Some(right)) = (left.as_message(), right.as_message()) {
        return between_messages(path, left, right);
    }
    if let (Some(left), Some(right)) = (left.as_list(), right.as_list()) {
        let pairs = left.iter().zip(right).enumerate();
        let inside = pairs.into_iter().find_map(|(index, (left, right))| {
            between_values(&format!("{path}[{index}]"), left, right)
        });
        let length = (left.len() != right.len()).then(|| path.to_owned());
        return inside.or(length);
    }
    (left != right).then(|| path.to_owned())
}

fn join(path: &str, field: &FieldDescriptor) -> String {
    if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(order_id: &str, amount: &str) -> v1::AppendEventsRequest {
        let amount = Some(v1::Money { amount: amount.to_owned(), currency: "NOK".to_owned() });
        let placed =
            v1::OrderPlaced { order_id: order_id.to_owned(), amount, ..Default::default() };
        let payload = Some(v1::event::Payload::OrderPlaced(placed));
        let event = v1::Event { payload, ..Default::default() };
        v1::AppendEventsRequest { events: vec![event], ..Default::default() }
    }

    #[test]
    fn the_innermost_differing_field_is_named() {
        let first = request("O1", "1.00");
        assert_eq!(first_difference(&first, &first), None);
        let amount = first_difference(&first, &request("O1", "2.00"));
        assert_eq!(amount.as_deref(), Some("events[0].order_placed.amount.amount"));
        let mut longer = first.clone();
        longer.events.push(v1::Event::default());
        assert_eq!(first_difference(&first, &longer).as_deref(), Some("events"));
        let other = v1::AppendEventsRequest { expected_version: Some(0), ..first.clone() };
        assert_eq!(first_difference(&first, &other).as_deref(), Some("expected_version"));
    }
}
