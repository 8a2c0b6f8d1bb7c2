// Entry of the overview page: registers its elements. The host's HTML holds <traceway-overview>.
import "./chart.ts";
import "./page.ts";
