// Entry of the span details page: registers its element. The host's HTML holds <traceway-span-detail>.
import "./page.ts";
