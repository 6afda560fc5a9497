//! Client margin accounts and calls: `quittance.record.v1.MarginAccount`, `MarginAssessed` and what they name.

use crate::schema::{enumeration, message, message_field, read_fields, write_fields};
use model::margin::{
    CallMoved, CallStanding, ClearingTerms, InitialAssessment, InitialFigures, IssueMarginCalls, IssuedCall,
    MarginAccount, MarginAnswer, MarginAssessment, MarginFigures,
};

message! { MarginAccount {
    1 id, 2 client, 3 book, 4 currency, 5 jurisdiction, 6 domain, 7 call_days, 8 valid_from
} }
message! { ClearingTerms {
    1 ccp, 2 jurisdiction, 3 valid_from, 4 source, 5 gap_threshold, 6 gap_rate, 7 fails_rate, 8 least_haircut,
    9 confidence, 10 scenarios, 11 horizon, 12 index_cfi
} }
message! { IssueMarginCalls { 1 set, 2 accounts } }
message! { MarginFigures { 1 long, 2 short, 3 cash, 4 equity, 5 initial, 6 maintenance, 7 missing } }
message! { IssuedCall { 1 number, 2 amount, 3 due } }
message! { MarginAssessment { 1 account, 2 set, 3 currency, 4 figures, 5 lacks, 6 call } }
message! { InitialFigures { 1 bought, 2 sold_short, 3 available, 4 equity, 5 required } }
message! { InitialAssessment { 1 account, 2 set, 3 currency, 4 figures, 5 lacks, 6 call } }
message! { CallMoved { 1 number, 2 paid, 3 outstanding, 4 standing } }

enumeration! { MarginAnswer { 1 Met, 2 Withdrawn } }
enumeration! { CallStanding { 1 Open, 2 Missed, 3 Met, 4 Cured, 5 Withdrawn } }
