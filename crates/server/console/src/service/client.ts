// The services of this page's own origin over gRPC-web, in the name of whoever signed in.
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { signal } from "@preact/signals";
import { CashService } from "../gen/quittance/service/v1/cash_pb";
import { LedgerService } from "../gen/quittance/service/v1/ledger_pb";
import { LogService } from "../gen/quittance/service/v1/log_pb";
import { OperatorService } from "../gen/quittance/service/v1/operator_pb";
import { PositionService } from "../gen/quittance/service/v1/position_pb";
import { ReportService } from "../gen/quittance/service/v1/report_pb";
import { RiskService } from "../gen/quittance/service/v1/risk_pb";
import { SettlementService } from "../gen/quittance/service/v1/settlement_pb";
import { TradeService } from "../gen/quittance/service/v1/trade_pb";

/** Who uses the console: a name where the service believes it (without TLS), or a signed token. */
export interface Signed {
  name: string;
  token: string;
}

const KEPT = "quittance.signed";

/** For this tab only: gone when it is closed. */
export const signed = signal<Signed | undefined>(kept());

function kept(): Signed | undefined {
  const text = sessionStorage.getItem(KEPT);
  return text ? (JSON.parse(text) as Signed) : undefined;
}

export function sign(who: Signed | undefined) {
  if (who) sessionStorage.setItem(KEPT, JSON.stringify(who));
  else sessionStorage.removeItem(KEPT);
  signed.value = who;
}

const inTheNameOf: Interceptor = (next) => (request) => {
  const who = signed.peek();
  if (who?.token) request.header.set("authorization", `Bearer ${who.token}`);
  else if (who?.name) request.header.set("x-quittance-actor", who.name);
  return next(request);
};

const transport = createGrpcWebTransport({ baseUrl: location.origin, interceptors: [inTheNameOf] });

export const cash = createClient(CashService, transport);
export const ledger = createClient(LedgerService, transport);
export const log = createClient(LogService, transport);
export const operator = createClient(OperatorService, transport);
export const position = createClient(PositionService, transport);
export const report = createClient(ReportService, transport);
export const risk = createClient(RiskService, transport);
export const settlement = createClient(SettlementService, transport);
export const trade = createClient(TradeService, transport);

/** How long a question may take. */
export const PATIENCE = { timeoutMs: 10_000 };

/** An error in a sentence a person can act on. */
export function explain(error: unknown): string {
  const failure = ConnectError.from(error);
  switch (failure.code) {
    case Code.Unauthenticated:
      return `Not signed in: ${failure.rawMessage}`;
    case Code.PermissionDenied:
      return `Not permitted: ${failure.rawMessage}`;
    default:
      return failure.rawMessage || Code[failure.code];
  }
}

export function codeOf(error: unknown): Code {
  return ConnectError.from(error).code;
}

export { Code };
