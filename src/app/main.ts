import { mount } from 'svelte';
import 'uplot/dist/uPlot.min.css';
import { startWorkers } from '../worker/client';
import './app.css';
import App from './App.svelte';
import { Bands } from './state/bands.svelte';
import { Tunesmith } from './state/tunesmith.svelte';

const target = document.getElementById('page');
if (!target) throw new Error('index.html has no element with the id "page"');

const tunesmith = new Tunesmith(startWorkers(), new BroadcastChannel('tunesmith'));
mount(App, { target, props: { tunesmith, bands: new Bands(tunesmith) } });
tunesmith.alerts.guard(() => tunesmith.open());
