/** What the parts of one `aws` mount share. */
import type { View } from '../../core/view.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import type { ProvenDocuments } from './proven-documents.ts';
import type { AwsQuestions } from './questions.ts';
import type { Refusals } from './refusals.ts';

export interface AwsRooms {
  readonly environment: EngineEnvironment;
  /** As the mount's config says now, which is read from this view. */
  questionsFor(view: View): AwsQuestions;
  readonly documents: ProvenDocuments;
  /** Of instances that AWS does not know. */
  readonly unknown: Refusals;
}
