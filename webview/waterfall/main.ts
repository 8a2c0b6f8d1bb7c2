// Entry of the waterfall page: registers its elements. The host's HTML holds <traceway-waterfall>.
import "./chart.ts";
import "./page.ts";
