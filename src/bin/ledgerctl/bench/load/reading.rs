//! Calls that are answered by a stream of messages, each with records in its first field.

use bytes::Bytes;
use http::uri::PathAndQuery;
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::raw::RawCodec;
use super::session::{Load, Measured, measure};
use super::shallow;
use super::tally::Answer;
use super::unary::answer_of;

/// Number of the field that repeats records.
const RECORDS: u64 = 1;
/// Largest message that is taken.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A question that is answered by a stream.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Method.
    pub(crate) path: &'static str,
    /// The encoded request.
    pub(crate) message: Bytes,
}

/// Asks, and gives the stream of the answer.
pub(crate) async fn open(
    channel: &Channel,
    question: &Question,
) -> Result<Streaming<Bytes>, Status> {
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static(question.path);
    let message = Request::new(question.message.clone());
    Ok(grpc.server_streaming(message, path, RawCodec).await?.into_inner())
}

/// Measures readers, each of which reads the whole answer again and again. Records count as they come;
/// a latency is that of a whole answer.
pub(crate) async fn read(connections: &[Channel], load: &Load, question: &Question) -> Measured {
    let readers: Vec<Channel> = connections.iter().cycle().take(load.in_flight).cloned().collect();
    measure(load, |session| {
        let mut senders = JoinSet::new();
        for (reader, channel) in readers.into_iter().enumerate() {
            let (session, question) = (session.clone(), question.clone());
            senders.spawn(async move {
                while let Some(arrival) = session.next().await {
                    let told = |records, bytes| session.progress(reader, records, bytes);
                    let answer = match read_all(&channel, &question, told).await {
                        // Records have counted as they came.
                        Ok(()) => Answer::Accepted { events: 0, bytes: 0 },
                        Err(status) => answer_of(&status),
                    };
                    session.answered(reader, answer, arrival.intended);
                }
            });
        }
        senders
    })
    .await
}

async fn read_all(
    channel: &Channel,
    question: &Question,
    told: impl Fn(u64, u64) + Send,
) -> Result<(), Status> {
    let mut messages = open(channel, question).await?;
    while let Some(message) = messages.message().await? {
        let bytes = u64::try_from(message.len()).unwrap_or(u64::MAX);
        told(shallow::count(&message, RECORDS), bytes);
    }
    Ok(())
}
