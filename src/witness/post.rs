//! Posting to a witness.

use std::time::Duration;

use ureq::Agent;
use ureq::http::header::CONTENT_TYPE;

use super::exchange::{Answer, Transport, TransportFault};

/// Most bytes of an answer that are read: a few signature lines.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Witnesses over HTTP or HTTPS. What they say is believed for its signature, not for its transport.
#[derive(Debug)]
pub struct HttpTransport {
    agent: Agent,
}

impl HttpTransport {
    /// With the longest wait for one answer.
    pub fn new(timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self { agent: config.into() }
    }
}

impl Transport for HttpTransport {
    fn add_checkpoint(&self, url: &str, body: String) -> Result<Answer, TransportFault> {
        let failed = |error: ureq::Error| TransportFault(error.to_string());
        let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        let mut response = self.agent.post(&url).send(body).map_err(failed)?;
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.to_owned();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        Ok(Answer { status: response.status().as_u16(), content_type, body: body.map_err(failed)? })
    }
}
