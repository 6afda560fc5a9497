//! Tokens: where a listing or a subscription goes on, tied to what was asked.
//!
//! A token is opaque text. It holds its purpose, the shard, a hash of the filter and a place; used for another purpose, shard
//! or filter it is refused, because an answer to it would be silently wrong.

/// What a token continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Instructions = 1,
    Trades = 2,
    Cash = 3,
    Balances = 4,
    Subscription = 5,
    Positions = 50,
    PositionSubscription = 51,
    Pnl = 52,
    Coverage = 70,
    LimitSubscription = 73,
    MarginSubscription = 74,
    AnswerSubscription = 75,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is not one that this service gave out: take it as it came, or begin without one")]
    Malformed,
    #[error("the token belongs to another kind of listing or subscription")]
    OtherPurpose,
    #[error("the token belongs to another shard")]
    OtherShard,
    #[error("the token was given for another filter: a listing or subscription keeps its filter from beginning to end")]
    OtherFilter,
    #[error("the token stands after record {token} and the view at record {at}: it belongs to another log")]
    Ahead { token: u64, at: u64 },
}

/// A token's fixed part: purpose, shard, filter; the place follows, then the check.
const FIXED: usize = 1 + 4 + 8;
const CHECK: usize = 4;

/// What every token of one listing or subscription has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) purpose: Purpose,
    pub(crate) shard: u32,
    /// [`hash`] of the filter.
    pub(crate) filter: u64,
}

impl Scope {
    /// The token that goes on after `place`.
    pub(crate) fn token(&self, place: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(FIXED + place.len() + CHECK);
        bytes.push(self.purpose as u8);
        bytes.extend(self.shard.to_be_bytes());
        bytes.extend(self.filter.to_be_bytes());
        bytes.extend(place);
        bytes.extend(check(&bytes));
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The place in a token, if it belongs here.
    pub(crate) fn place<const LENGTH: usize>(&self, token: &str) -> Result<[u8; LENGTH], TokenError> {
        let bytes = unhex(token).ok_or(TokenError::Malformed)?;
        let (body, found) = bytes.split_last_chunk::<CHECK>().ok_or(TokenError::Malformed)?;
        if body.len() < FIXED || check(body) != *found {
            return Err(TokenError::Malformed);
        }
        if body[0] != self.purpose as u8 {
            return Err(TokenError::OtherPurpose);
        }
        if body[1..5] != self.shard.to_be_bytes() {
            return Err(TokenError::OtherShard);
        }
        if body[5..FIXED] != self.filter.to_be_bytes() {
            return Err(TokenError::OtherFilter);
        }
        body[FIXED..].try_into().map_err(|_| TokenError::Malformed)
    }
}

/// FNV-1a of 64 bits, the same in every process and release, since tokens outlive both. Tells filters apart, protects from nothing.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    let hash = hash(bytes);
    ((hash >> 32) as u32 ^ hash as u32).to_be_bytes()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope = Scope { purpose: Purpose::Instructions, shard: 7, filter: 99 };

    #[test]
    fn a_token_gives_back_its_place_and_refuses_any_other_use() {
        let token = SCOPE.token(&5u64.to_be_bytes());
        assert_eq!(SCOPE.place(&token), Ok(5u64.to_be_bytes()));
        assert_eq!(SCOPE.place::<4>(&token), Err(TokenError::Malformed));
        let other = |scope: Scope| scope.place::<8>(&token);
        assert_eq!(other(Scope { purpose: Purpose::Subscription, ..SCOPE }), Err(TokenError::OtherPurpose));
        assert_eq!(other(Scope { shard: 8, ..SCOPE }), Err(TokenError::OtherShard));
        assert_eq!(other(Scope { filter: 98, ..SCOPE }), Err(TokenError::OtherFilter));
    }

    #[test]
    fn what_was_altered_is_not_a_token() {
        let token = SCOPE.token(&5u64.to_be_bytes());
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'0' { b'1' } else { b'0' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(SCOPE.place::<8>(&altered), Err(TokenError::Malformed), "{altered}");
            assert_eq!(SCOPE.place::<8>(&token[..at]), Err(TokenError::Malformed));
        }
        for text in ["", "zz", "é", "00"] {
            assert_eq!(SCOPE.place::<8>(text), Err(TokenError::Malformed), "{text}");
        }
    }
}
