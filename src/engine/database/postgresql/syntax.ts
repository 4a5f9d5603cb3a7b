/** How PostgreSQL reads quotes and comments, with standard_conforming_strings on. */
import type { StatementSyntax } from '../statement.ts';

export const postgresqlSyntax: StatementSyntax = {
  backslashes: false,
  doubleQuotedText: false,
  backticks: false,
  dollarBodies: true,
  hashComments: false,
};
