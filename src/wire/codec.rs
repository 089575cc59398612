//! The codec of every method: protobuf, with a decode error that the client can act on.
//!
//! tonic's own codec reports bytes that are not the expected message as INTERNAL. They are the
//! client's mistake, so this one says INVALID_ARGUMENT; `grpc::error_layer` adds the details.

use std::marker::PhantomData;

use bytes::Buf as _;
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Protobuf codec for messages sent as `T` and received as `U`.
#[derive(Debug, Clone)]
pub struct LedgerCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for LedgerCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for LedgerCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = LedgerEncoder<T>;
    type Decoder = LedgerDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        LedgerEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        LedgerDecoder(PhantomData)
    }
}

/// Writes messages.
#[derive(Debug, Clone)]
pub struct LedgerEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for LedgerEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(target).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Reads messages.
#[derive(Debug, Clone)]
pub struct LedgerDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for LedgerDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        match U::decode(&mut *source) {
            Ok(item) => Ok(Some(item)),
            Err(error) => {
                source.advance(source.remaining());
                Err(Status::invalid_argument(format!("the message cannot be decoded: {error}")))
            }
        }
    }
}
