/** Light or dark: as the system says, unless a person chose. */
import { byId } from './dom.ts';

export type Theme = 'dark' | 'light';

const STORED = 'tailglow.theme';
const system = matchMedia('(prefers-color-scheme: light)');

function chosen(): Theme | undefined {
  const stored = localStorage.getItem(STORED);
  return stored === 'dark' || stored === 'light' ? stored : undefined;
}

export function currentTheme(): Theme {
  return chosen() ?? (system.matches ? 'light' : 'dark');
}

/** Sets the page's theme now and whenever it changes; `changed` is told. */
export function followTheme(changed: () => void): { toggle: () => void } {
  const toggleButton = byId('theme', HTMLButtonElement);
  const apply = (): void => {
    const theme = currentTheme();
    document.documentElement.dataset['theme'] = theme;
    toggleButton.textContent = theme === 'dark' ? 'light' : 'dark';
    toggleButton.title = `switch to the ${toggleButton.textContent} theme (t)`;
  };
  const toggle = (): void => {
    const next = currentTheme() === 'dark' ? 'light' : 'dark';
    // A choice that agrees with the system is none: follow it again.
    if (next === (system.matches ? 'light' : 'dark')) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, next);
    apply();
    changed();
  };
  system.addEventListener('change', () => {
    apply();
    changed();
  });
  toggleButton.addEventListener('click', toggle);
  apply();
  return { toggle };
}
