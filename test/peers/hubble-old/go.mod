module hubble-old

go 1.26

require github.com/cilium/cilium v1.12.19

// As Cilium's own go.mod has them.
replace (
	github.com/optiopay/kafka => github.com/cilium/kafka v0.0.0-20180809090225-01ce283b732b
	go.universe.tf/metallb => github.com/cilium/metallb v0.1.1-0.20220829170633-5d7dfb1129f7
)
