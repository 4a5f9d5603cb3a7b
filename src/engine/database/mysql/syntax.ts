/** How MySQL and MariaDB read quotes and comments, without ANSI_QUOTES and NO_BACKSLASH_ESCAPES. */
import type { StatementSyntax } from '../statement.ts';

export const mysqlSyntax: StatementSyntax = {
  backslashes: true,
  doubleQuotedText: true,
  backticks: true,
  dollarBodies: false,
  hashComments: true,
};
