/** Shares handed in one by one. */
import type { ManualSeal } from '../collector.ts';
import { parseShare } from '../key-text.ts';
import { shamirSplit } from './shamir.ts';
import { ShareCollector } from './share-collector.ts';

export const shamirByHand: ManualSeal = {
  kind: 'shamir',
  collect(body, place) {
    const collector = new ShareCollector(body, place);
    return {
      ...shamirSplit(body),
      get progress() {
        return collector.progress;
      },
      async add(text) {
        const step = await collector.add(parseShare(text));
        return step.kind === 'opened' ? step : { kind: 'collecting' };
      },
      reset: () => collector.reset(),
    };
  },
};
