// app.tsx - who is here, and which page the address names.
import { useEffect, useState } from 'preact/hooks';
import { ApiError, loadSession, session, whenSignedOut } from './lib/api.ts';
import { askEarly, forgetAll } from './lib/data.ts';
import { startLive, stopLive } from './lib/live.ts';
import { navigate, usePlace } from './lib/router.tsx';
import { match } from './lib/text.ts';
import { useStore } from './lib/store.ts';
import { t } from './i18n/index.ts';
import { Empty, ProblemNote, Skeleton, useLanguage } from './ui/basics.tsx';
import { Shell } from './shell/shell.tsx';
import { Link } from './lib/router.tsx';
import { Login } from './pages/login.tsx';
import { NowPage } from './pages/now.tsx';
import { Guide } from './pages/guide.tsx';
import { Incidents } from './pages/incidents.tsx';
import { IncidentPage } from './pages/incident.tsx';
import { Predictions } from './pages/predictions.tsx';
import { Explore } from './pages/explore.tsx';
import { RedisPage } from './pages/redis.tsx';
import { Actions } from './pages/actions.tsx';
import { ExecutionPage } from './pages/execution.tsx';
import { Settings } from './pages/settings.tsx';

type Parts = Record<string, string>;

const routes: [string, (parts: Parts) => preact.VNode][] = [
  ['/', () => <NowPage />],
  ['/guide', () => <Guide />],
  ['/incidents', () => <Incidents />],
  ['/incidents/:id', ({ id }) => <IncidentPage key={id} id={id!} />],
  ['/predictions', () => <Predictions />],
  ['/explore', () => <Explore />],
  ['/redis', () => <RedisPage />],
  ['/actions', () => <Actions tab="catalogue" />],
  ['/actions/approvals', () => <Actions tab="approvals" />],
  ['/actions/executions', () => <Actions tab="executions" />],
  ['/actions/executions/:id', ({ id }) => <ExecutionPage key={id} id={id!} />],
  ['/settings', () => <Settings tab="about" />],
  ['/settings/:tab', ({ tab }) => <Settings tab={tab!} />],
];

function page(path: string): preact.VNode {
  for (const [pattern, draw] of routes) {
    const parts = match(pattern, path);
    if (parts) return draw(parts);
  }
  return <Empty icon="target" title={t('notfound.title')} action={<Link class="button plain" to="/">{t('notfound.back')}</Link>}>{t('notfound.text')}</Empty>;
}

export function App() {
  useLanguage();
  const { path } = usePlace();
  const who = useStore(session);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const loggingIn = path === '/login';

  useEffect(() => {
    whenSignedOut(() => {
      stopLive();
      forgetAll();
      session.set(null);
      if (location.pathname === '/login') return;
      const back = location.pathname + location.search;
      navigate('/login' + (back === '/' ? '' : '?next=' + encodeURIComponent(back)), { replace: true });
    });
  }, []);

  const enter = () => {
    setFailure(null);
    askEarly('/api/v1/now');
    loadSession().then(startLive, (error: unknown) => {
      if (error instanceof ApiError && error.problem.status !== 401) setFailure(error);
    });
  };

  useEffect(() => {
    if (!who && !loggingIn) enter();
  }, [who, loggingIn]);

  if (loggingIn) return <Login />;
  if (!who) return <main class="alone" id="content">{failure ? <ProblemNote error={failure} retry={enter} /> : <Skeleton rows={6} />}</main>;
  return <Shell path={path}>{page(path)}</Shell>;
}
