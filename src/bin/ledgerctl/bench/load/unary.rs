//! A call with one request and one answer, both as bytes.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::drive::Call;
use super::raw::RawCodec;
use super::tally::Answer;
use super::template::Template;

/// Where the message of a call comes from.
pub(crate) trait Messages: Send + Sync + 'static {
    /// The encoded request of a call, and how many events an answer stands for.
    fn message(&self, number: u64) -> (Bytes, u64);
}

/// Calls take the templates in turn.
impl Messages for Vec<Template> {
    fn message(&self, number: u64) -> (Bytes, u64) {
        let templates = u64::try_from(self.len()).unwrap_or(u64::MAX).max(1);
        let place = usize::try_from(number % templates).unwrap_or_default();
        self.get(place)
            .map_or_else(Default::default, |template| (template.fill(number), template.events()))
    }
}

/// One sender.
#[derive(Debug)]
pub(crate) struct Unary<M> {
    grpc: Grpc<Channel>,
    path: &'static str,
    messages: Arc<M>,
}

impl<M: Messages> Unary<M> {
    /// As many senders as may be on their way, spread over the connections.
    pub(crate) fn senders(
        connections: &[Channel],
        in_flight: usize,
        path: &'static str,
        messages: &Arc<M>,
    ) -> Vec<Self> {
        let spread = connections.iter().cycle().take(in_flight);
        let sender = |channel: &Channel| {
            let grpc = Grpc::new(channel.clone());
            Self { grpc, path, messages: messages.clone() }
        };
        spread.map(sender).collect()
    }
}

impl<M: Messages> Call for Unary<M> {
    async fn call(&mut self, number: u64) -> Answer {
        let (message, events) = self.messages.message(number);
        match call(&mut self.grpc, self.path, message).await {
            Ok(answer) => {
                let bytes = u64::try_from(answer.len()).unwrap_or(u64::MAX);
                Answer::Accepted { events, bytes }
            }
            Err(status) => answer_of(&status),
        }
    }
}

/// One call.
pub(crate) async fn call(
    grpc: &mut Grpc<Channel>,
    path: &'static str,
    message: Bytes,
) -> Result<Bytes, Status> {
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static(path);
    let answer = grpc.unary(Request::new(message), path, RawCodec).await?;
    Ok(answer.into_inner())
}

/// What a status says. One that the transport made is a failure, whatever its code.
pub(crate) fn answer_of(status: &Status) -> Answer {
    let from_transport = std::error::Error::source(status).is_some();
    match status.code() {
        Code::Unavailable | Code::ResourceExhausted if !from_transport => Answer::Overloaded,
        Code::FailedPrecondition
        | Code::AlreadyExists
        | Code::Aborted
        | Code::NotFound
        | Code::OutOfRange => Answer::Refused,
        code => Answer::Failed(format!("{code:?}: {}", status.message())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_is_told_from_refusal_and_from_failure() {
        assert_eq!(answer_of(&Status::unavailable("full")), Answer::Overloaded);
        assert_eq!(answer_of(&Status::failed_precondition("ceiling")), Answer::Refused);
        let malformed = answer_of(&Status::invalid_argument("no"));
        assert_eq!(malformed, Answer::Failed("InvalidArgument: no".to_owned()));
        let gone = Status::from_error(Box::new(std::io::Error::other("broken pipe")));
        assert!(matches!(answer_of(&gone), Answer::Failed(_)), "{gone:?}");
    }

    #[test]
    fn templates_are_taken_in_turn() {
        let templates: Vec<Template> =
            ["a", "b"].iter().map(|text| Template::of(text.as_bytes().to_vec(), 1)).collect();
        let texts: Vec<Bytes> = (0..3).map(|number| templates.message(number).0).collect();
        assert_eq!(texts, ["a", "b", "a"]);
    }
}
