import { lookAtEveryPage } from './pages.ts';

lookAtEveryPage('en');
