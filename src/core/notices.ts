/** What people are told of: that something was handed out, asked for or refused. Who they are, and how they are reached, is set on the server. */

export interface Notice {
  /** What happened, in words that stay for good: `credentials.issued`, `credentials.refused`, `approval.requested`. */
  readonly kind: string;
  /** One line for a person. */
  readonly subject: string;
  /** Who, what, from where, approved by whom. Never a secret, a code or a token. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface Notices {
  /**
   * Puts a notice into the outbox, for every notifier that wants its kind. Durable when it resolves, and delivered at least
   * once from then on; at once where no notifier wants it.
   *
   * @throws CofferError `unavailable` where too many wait for a notifier already; what tells of a refusal (a kind that ends in
   *   `.refused` or `.failed`, or the field `outcome` being `refused`) is left out there instead, since anybody can bring it about
   */
  post(notice: Notice): Promise<void>;
  /**
   * Delivers a notice now, and resolves when each of these notifiers has accepted it: for what must not be handed out untold.
   * From then on it is also up for the others that want its kind, as by `post`: whoever demands does not post besides. Where it
   * throws, nobody is told any more.
   *
   * @throws CofferError `unavailable` where one did not accept it in time, `invalid_request` where there is none of that name
   */
  demand(notice: Notice, notifiers: readonly string[]): Promise<void>;
}
