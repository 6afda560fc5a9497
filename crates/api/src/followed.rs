//! Following answers whose rows are messages of their own: one question for each answer, one kind of update for all.

use projections::{Error, Followed, Mark, PageRequest, Projections, ViewName};
use prost::Message as _;
use tonic::Status;
use tonic::metadata::MetadataMap;
use wire::pb::view::followed_row::Row;
use wire::pb::view::followed_update::{Changes, Heartbeat, Kind, Reset, Snapshot};
use wire::pb::{service as pb, view};

use crate::access::sight::Sight;
use crate::backend::Backend;
use crate::computed::{Computed, Look, Question, Rolls, Said, question_hash};

/// An answer that is followed.
#[derive(Clone)]
pub(crate) enum Answer {
    Pnl(view::PnlQuestion),
    Exposure(view::ExposureFilter),
    Coverage(view::CoverageFilter),
    Report(pb::GetReportRequest),
    Cash(view::CashFilter),
}

/// For whom a row is there, by what never changes in it.
#[derive(Clone, Debug)]
pub(crate) enum Concern {
    Book(String),
    Counterparty(String),
    /// Who may see all of it.
    House,
    /// Whoever may ask.
    Everybody,
}

/// What names a row. Two are the same when their names are.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// Kind and names: in this order rows are told.
    order: (u8, Vec<String>),
    concern: Concern,
    /// The row with nothing in it but its name.
    row: Row,
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.order == other.order
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

pub(crate) type AnswerRolls = Rolls<Name, Row>;

/// What one caller follows.
#[derive(Clone)]
pub(crate) struct AnswerQuestion {
    answer: Answer,
    sight: Sight,
}

impl Backend {
    /// Follows an answer from a token on, or from a snapshot that has a record in it.
    pub(crate) async fn follow_answer(
        &self,
        answer: Answer,
        sight: Sight,
        (resume_token, min_sequence): (String, u64),
    ) -> Result<Computed<AnswerQuestion>, Status> {
        let same = answer.bytes();
        let mark = Mark::new(Followed::Answer, self.house()?.1, &same);
        let rolls = self.rolls()?;
        let question = AnswerQuestion { answer, sight };
        self.follow(question, (&rolls.answers, question_hash(&same)), mark, (&resume_token, min_sequence)).await
    }
}

impl Question for AnswerQuestion {
    type Key = Name;
    type Row = Row;
    type Update = view::FollowedUpdate;

    async fn ask(&self, backend: &Backend) -> Result<Look<AnswerQuestion>, Status> {
        // Read before everything else: all that follows has at least this in it.
        let sequence = backend.views()?.slowest().unwrap_or_default();
        let (asked, at) = backend.arrival(ViewName::Status, 0, &MetadataMap::new()).await?;
        let answer = self.answer.clone();
        let rows = asked
            .read(move |views| match answer.rows(views, at) {
                Err(error) if answer.waits_for(&error) => Ok(vec![Row::Lacking(error.to_string())]),
                rows => rows,
            })
            .await?;
        Ok((sequence, rows.into_iter().map(|row| (name(&row), row)).collect()))
    }

    fn concerns(&self, name: &Name) -> bool {
        match &name.concern {
            Concern::Book(book) => self.sight.position(book),
            Concern::Counterparty(counterparty) => self.sight.counterparty(counterparty),
            Concern::House => self.sight.is_unlimited(),
            Concern::Everybody => true,
        }
    }

    fn update(&self, sequence: u64, resume_token: String, said: Said<Name, Row>) -> view::FollowedUpdate {
        let rows = |rows: Vec<Row>| rows.into_iter().map(|row| view::FollowedRow { row: Some(row) }).collect();
        let kind = match said {
            Said::Reset => Kind::Reset(Reset {}),
            Said::Snapshot { rows: found, last } => Kind::Snapshot(Snapshot { rows: rows(found), last }),
            Said::Changes { rows: found, left } => {
                let left = left.into_iter().map(|name| name.row).collect();
                Kind::Changes(Changes { rows: rows(found), left: rows(left) })
            }
            Said::Heartbeat => Kind::Heartbeat(Heartbeat {}),
        };
        view::FollowedUpdate { sequence, resume_token, kind: Some(kind) }
    }
}

impl Answer {
    /// Tells answers and questions apart.
    fn bytes(&self) -> Vec<u8> {
        let (kind, question) = match self {
            Answer::Pnl(question) => (1, question.encode_to_vec()),
            Answer::Exposure(filter) => (2, filter.encode_to_vec()),
            Answer::Coverage(filter) => (3, filter.encode_to_vec()),
            Answer::Report(period) => (4, period.encode_to_vec()),
            Answer::Cash(filter) => (5, filter.encode_to_vec()),
        };
        [vec![kind], question].concat()
    }

    /// Whether there is no answer only because no set of prices and rates is there yet.
    fn waits_for(&self, error: &Error) -> bool {
        match (self, error) {
            (Answer::Pnl(_) | Answer::Exposure(_), Error::NotFound { .. }) => true,
            // No date was said, so what is wrong with it is that the sets have none.
            (Answer::Pnl(question), Error::Filter { field: "date", .. }) => question.date == 0,
            _ => false,
        }
    }

    fn rows(&self, views: &Projections, at: projections::At) -> Result<Vec<Row>, Error> {
        match self {
            Answer::Pnl(question) => paged(|page| {
                let page = views.pnl(question, page, at)?;
                Ok((results(page.sequence, page.bases, page.lines), page.next_page_token))
            }),
            Answer::Exposure(filter) => Ok(exposures(views.exposure(filter, at)?)),
            Answer::Report(period) => Ok(figures(views.report(period.from, period.to, at)?)),
            Answer::Cash(filter) => paged(|page| {
                let page = views.cash(filter, page, at)?;
                Ok((page.ladders.into_iter().map(Row::Ladder).collect(), page.next_page_token))
            }),
            Answer::Coverage(filter) => paged(|page| {
                let page = views.coverage(filter, page, at)?;
                Ok((page.coverages.into_iter().map(Row::Coverage).collect(), page.next_page_token))
            }),
        }
    }
}

/// The rows of all pages.
fn paged(mut ask: impl FnMut(PageRequest<'_>) -> Result<(Vec<Row>, String), Error>) -> Result<Vec<Row>, Error> {
    let (mut rows, mut token) = (Vec::new(), String::new());
    loop {
        let (page, next) = ask(PageRequest { size: 1000, token: &token })?;
        rows.extend(page);
        if next.is_empty() {
            return Ok(rows);
        }
        token = next;
    }
}

/// Lines, and for each of their books what they stand on.
fn results(sequence: u64, bases: Vec<view::PnlBasis>, lines: Vec<view::PnlLine>) -> Vec<Row> {
    let mut rows = Vec::new();
    for mut basis in bases {
        // That all records count changes with each of them and tells nothing.
        for counted in [&mut basis.sequence, &mut basis.last_sequence] {
            if *counted == sequence {
                *counted = 0;
            }
        }
        let mut books: Vec<_> =
            lines.iter().filter(|line| line.entity == basis.entity).map(|line| &line.book).collect();
        books.dedup();
        let of = |book: &String| view::FollowedPnlBasis { book: book.clone(), basis: Some(basis.clone()) };
        rows.extend(books.into_iter().map(|book| Row::PnlBasis(of(book))));
    }
    rows.extend(lines.into_iter().map(Row::Pnl));
    rows
}

/// Rows, exceptions, and what they stand on.
fn exposures(mut answer: view::Exposures) -> Vec<Row> {
    let (rows, exceptions) = (std::mem::take(&mut answer.rows), std::mem::take(&mut answer.exceptions));
    answer.sequence = 0;
    let exceptions = exceptions.into_iter().map(Row::Exception);
    [Row::ExposureBasis(answer)].into_iter().chain(exceptions).chain(rows.into_iter().map(Row::Exposure)).collect()
}

/// Rates, fails, and of which period they are.
fn figures(mut report: view::Report) -> Vec<Row> {
    let (rates, fails) = (std::mem::take(&mut report.rates), std::mem::take(&mut report.fails));
    report.sequence = 0;
    let fails = fails.into_iter().map(Row::Fail);
    [Row::ReportBasis(report)].into_iter().chain(rates.into_iter().map(Row::Rate)).chain(fails).collect()
}

fn name(row: &Row) -> Name {
    let (kind, names, concern, row) = match row {
        Row::Lacking(_) => (0, vec![], Concern::Everybody, Row::Lacking(String::new())),
        Row::PnlBasis(each) => {
            let named = view::FollowedPnlBasis { book: each.book.clone(), basis: None };
            (1, vec![each.book.clone()], Concern::Book(each.book.clone()), Row::PnlBasis(named))
        }
        Row::Pnl(each) => {
            let (book, instrument, currency) = (each.book.clone(), each.instrument.clone(), each.currency.clone());
            let names = vec![book.clone(), instrument.clone(), currency.clone()];
            let concern = Concern::Book(book.clone());
            (2, names, concern, Row::Pnl(view::PnlLine { book, instrument, currency, ..Default::default() }))
        }
        Row::ExposureBasis(_) => (3, vec![], Concern::Everybody, Row::ExposureBasis(view::Exposures::default())),
        Row::Exception(each) => {
            let (code, subject) = (each.code.clone(), each.subject.clone());
            let names = vec![code.clone(), subject.clone()];
            (4, names, Concern::House, Row::Exception(view::RiskException { code, subject, trades: 0 }))
        }
        Row::Exposure(each) => {
            let (entity, counterparty) = (each.entity.clone(), each.counterparty.clone());
            let (currency, value_date, phase) = (each.currency.clone(), each.value_date, each.phase);
            let date = format!("{value_date:08}");
            let names = vec![entity.clone(), counterparty.clone(), currency.clone(), date, phase.to_string()];
            let concern = Concern::Counterparty(counterparty.clone());
            let rest = view::Exposure::default();
            (
                5,
                names,
                concern,
                Row::Exposure(view::Exposure { entity, counterparty, currency, value_date, phase, ..rest }),
            )
        }
        Row::Coverage(each) => {
            let (depot, instrument) = (each.depot.clone(), each.instrument.clone());
            let names = vec![instrument.clone(), depot.clone()];
            let named = view::Coverage { depot, instrument, ..view::Coverage::default() };
            (6, names, Concern::House, Row::Coverage(named))
        }
        Row::ReportBasis(_) => (7, vec![], Concern::Everybody, Row::ReportBasis(view::Report::default())),
        Row::Rate(each) => {
            let (measure, domain, currency) = (each.measure, each.domain.clone(), each.currency.clone());
            let names = vec![format!("{measure:02}"), domain.clone(), currency.clone()];
            let rest = view::ReportRate::default();
            (8, names, Concern::House, Row::Rate(view::ReportRate { measure, domain, currency, ..rest }))
        }
        Row::Fail(each) => {
            let view::ReportFail { domain, counterparty, reason, currency, age_from, .. } = each.clone();
            let age = format!("{age_from:08}");
            let names = vec![domain.clone(), counterparty.clone(), reason.clone(), currency.clone(), age];
            let rest = view::ReportFail::default();
            let named = view::ReportFail { domain, counterparty, reason, currency, age_from, ..rest };
            (9, names, Concern::House, Row::Fail(named))
        }
        Row::Ladder(each) => {
            let (account, currency) = (each.account.clone(), each.currency.clone());
            let names = vec![account.clone(), currency.clone()];
            let named = view::CashLadder { account, currency, ..view::CashLadder::default() };
            (10, names, Concern::House, Row::Ladder(named))
        }
    };
    Name { order: (kind, names), concern, row }
}
