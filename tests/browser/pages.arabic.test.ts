import { lookAtEveryPage } from './pages.ts';

lookAtEveryPage('ar');
