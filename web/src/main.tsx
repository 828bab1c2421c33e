// main.tsx - starts the page: language, theme, session, then the shell or the login.
import { render } from 'preact';
import { App } from './app.tsx';
import { firstLanguage, speak } from './i18n/index.ts';
import { applyTheme } from './lib/theme.ts';

applyTheme();
void speak(firstLanguage()).then(() => render(<App />, document.getElementById('app')!));
