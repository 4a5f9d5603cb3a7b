/** What a template is once it is parsed. */
import type { Place } from './problem.ts';

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**' | '~' | 'and' | 'or';
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
}

export type Expression = Place &
  (
    | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'list'; readonly items: readonly Expression[] }
    | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
    | { readonly kind: 'member'; readonly target: Expression; readonly name: string }
    /** Several keys are one tuple, as in `secrets['app', 'db']`. */
    | { readonly kind: 'index'; readonly target: Expression; readonly keys: readonly Expression[] }
    | {
        readonly kind: 'slice';
        readonly target: Expression;
        /** From, to and step. */
        readonly bounds: readonly (Expression | undefined)[];
      }
    | { readonly kind: 'call'; readonly target: Expression; readonly args: Arguments }
    | {
        readonly kind: 'filter';
        readonly name: string;
        readonly target: Expression;
        readonly args: Arguments;
      }
    | { readonly kind: 'test'; readonly name: string; readonly target: Expression; readonly args: Arguments }
    | { readonly kind: 'unary'; readonly operator: '+' | '-' | 'not'; readonly operand: Expression }
    | {
        readonly kind: 'binary';
        readonly operator: BinaryOperator;
        readonly left: Expression;
        readonly right: Expression;
      }
    | {
        readonly kind: 'compare';
        readonly first: Expression;
        readonly rest: readonly (readonly [Comparison, Expression])[];
      }
    | {
        readonly kind: 'choice';
        readonly condition: Expression;
        readonly yes: Expression;
        readonly no: Expression | undefined;
      }
  );

export interface FilterUse extends Place {
  readonly name: string;
  readonly args: Arguments;
}

export interface Parameter {
  readonly name: string;
  readonly fallback: Expression | undefined;
}

export type Body = readonly Statement[];

export type Statement = Place &
  (
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'output'; readonly value: Expression }
    | {
        readonly kind: 'if';
        readonly branches: readonly { readonly condition: Expression; readonly body: Body }[];
        readonly otherwise: Body;
      }
    | {
        readonly kind: 'for';
        readonly targets: readonly string[];
        readonly iterable: Expression;
        readonly condition: Expression | undefined;
        readonly body: Body;
        readonly otherwise: Body;
      }
    /** `member` is set of `name.member`, which is a namespace's. */
    | {
        readonly kind: 'set';
        readonly targets: readonly string[];
        readonly member: string | undefined;
        readonly value: Expression;
      }
    | {
        readonly kind: 'capture';
        readonly target: string;
        readonly filters: readonly FilterUse[];
        readonly body: Body;
      }
    | { readonly kind: 'filtered'; readonly filters: readonly FilterUse[]; readonly body: Body }
    | {
        readonly kind: 'macro';
        readonly name: string;
        readonly parameters: readonly Parameter[];
        readonly body: Body;
      }
    | {
        readonly kind: 'with';
        readonly bindings: readonly (readonly [string, Expression])[];
        readonly body: Body;
      }
  );
