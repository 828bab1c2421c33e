// shortcuts.tsx - every key that does something.
import { t } from '../i18n/index.ts';
import { Dialog } from '../ui/basics.tsx';
import { PAGES } from './shell.tsx';

export function Shortcuts({ onClose }: { onClose: () => void }) {
  const rows: [string[], string][] = [
    [['/'], t('keys.search')],
    ...PAGES.map((p): [string[], string] => [['g', p.key], t(p.name)]),
    [['?'], t('keys.help')],
    [['Esc'], t('keys.close')],
  ];
  return (
    <Dialog title={t('keys.title')} onClose={onClose}>
      <dl class="keys">
        {rows.map(([keys, what]) => (
          <div key={what}><dt>{keys.map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{what}</dd></div>
        ))}
      </dl>
    </Dialog>
  );
}
