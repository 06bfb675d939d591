import { lookAtEveryPage } from './pages.ts';

lookAtEveryPage('de');
